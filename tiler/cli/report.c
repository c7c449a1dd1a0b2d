#include "tiler/cli/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_NBYTES = 2048 };

/* Appends to line[*used..], which stays terminated. */
static void append(char *line, size_t *used, const char *text)
{
    size_t room = LINE_NBYTES - 1 - *used;
    size_t n = strnlen(text, room);
    memcpy(line + *used, text, n);
    *used += n;
    line[*used] = '\0';
}

/* A file's name may hold anything; a line must stay one line. */
static void tame(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

static void print_line(const char *file, const char *what, const char *advice)
{
    char line[LINE_NBYTES + 1];
    size_t used = 0;
    line[0] = '\0';
    append(line, &used, "imbrex-tiler: ");
    if (file != NULL && file[0] != '\0') {
        append(line, &used, file);
        append(line, &used, ": ");
    }
    append(line, &used, what);
    if (advice != NULL) {
        append(line, &used, ": ");
        append(line, &used, advice);
    }
    tame(line);
    line[used++] = '\n';
    line[used] = '\0';
    /* One call, so that lines of threads do not mix. */
    fputs(line, stderr);
}

void report(const char *file, const char *advice, const char *what, ...)
{
    char text[1024];
    va_list args;
    va_start(args, what);
    if (vsnprintf(text, sizeof(text), what, args) < 0)
        text[0] = '\0';
    va_end(args);
    print_line(file, text, advice);
}

static const char *advice_for(const struct ibx_err *err)
{
    switch (err->status) {
    case IBX_ERR_EXISTS:
        return "give --replace, --resume or --restart, or another -o";
    case IBX_ERR_CONFLICT:
    case IBX_ERR_CORRUPT:
        return NULL;
    case IBX_ERR_BUSY:
        return "wait until the other program has finished";
    case IBX_ERR_INTERRUPTED:
        return "give --resume to go on";
    default:
        break;
    }
    if (err->sys_errno == ENOSPC)
        return "free some space, or give another --temp-dir";
    return NULL;
}

void report_err(const struct ibx_err *err)
{
    char what[sizeof(err->what) + 160];
    const char *text =
        err->what[0] != '\0' ? err->what : ibx_status_text(err->status);
    const char *reason =
        err->sys_errno != 0 ? strerrordesc_np(err->sys_errno) : NULL;
    /* The library's text holds the reason already; others' do not. */
    if (reason != NULL && strstr(text, reason) == NULL)
        (void)snprintf(what, sizeof(what), "%s: %s", text, reason);
    else
        (void)snprintf(what, sizeof(what), "%s", text);
    print_line(err->file, what, advice_for(err));
}
