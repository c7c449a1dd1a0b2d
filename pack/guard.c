#include "pack/guard.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <ucontext.h>

/* The armed range of this thread; base is NULL while none is. The handler runs
 * on the faulting thread, so no other thread ever looks at it. */
struct armed {
    const volatile uint8_t *volatile base;
    volatile size_t nbytes;
    sigjmp_buf back;
};

static _Thread_local struct armed armed;
static struct sigaction previous;
static bool installed; /* guarded by install_lock */
static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;

static void pass_on(int number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, info, context);
        return;
    }
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
        return;
    }
    /* Nobody wanted it: fault again with the default action, so that a real
     * bug still ends with a core that shows where. */
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGBUS, &fatal, NULL);
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    const volatile uint8_t *at = info->si_addr;
    const volatile uint8_t *base = armed.base;
    if (base && at >= base && at < base + armed.nbytes) {
        /* sigsetjmp(.., 0) saves no mask, which is what makes it cheap: the
         * signals blocked for this handler are unblocked here. */
        const ucontext_t *before = context;
        (void)pthread_sigmask(SIG_SETMASK, &before->uc_sigmask, NULL);
        siglongjmp(armed.back, 1);
    }
    pass_on(number, info, context);
}

bool ibx_guard_install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus,
                               .sa_flags = SA_SIGINFO};
    (void)sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&install_lock);
    if (!installed)
        installed = sigaction(SIGBUS, &action, &previous) == 0;
    bool done = installed;
    pthread_mutex_unlock(&install_lock);
    return done;
}

bool ibx_guard_run(const void *base, size_t nbytes, void (*work)(void *arg),
                   void *arg)
{
    assert(!armed.base);
    if (sigsetjmp(armed.back, 0) != 0) {
        armed.base = NULL;
        return false;
    }
    armed.nbytes = nbytes;
    armed.base = base;
    /* The handler runs on this thread: the compiler must not move what `work`
     * reads and writes over the arming. */
    atomic_signal_fence(memory_order_seq_cst);
    work(arg);
    atomic_signal_fence(memory_order_seq_cst);
    armed.base = NULL;
    return true;
}
