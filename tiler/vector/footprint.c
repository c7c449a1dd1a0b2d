#include "tiler/vector/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAP_PIECE_NBYTES = 256 << 10 };

void footprint_keep_small(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, HEAP_PIECE_NBYTES);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_PIECE_NBYTES);
}

void footprint_trim(void)
{
    (void)malloc_trim(0);
}

/* Whether the loader has changed code: those pages are in no file. */
static bool has_changed_code(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *at = (const void *)(object->dlpi_addr + part->p_vaddr);
        for (; at->d_tag != DT_NULL; at++) {
            if (at->d_tag == DT_TEXTREL ||
                (at->d_tag == DT_FLAGS && (at->d_un.d_val & DF_TEXTREL) != 0))
                return true;
        }
    }
    return false;
}

static int rest(struct dl_phdr_info *object, size_t nbytes, void *arg)
{
    (void)nbytes;
    (void)arg;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    /* The program itself has no name. */
    if (object->dlpi_name == NULL || object->dlpi_name[0] != '/' ||
        has_changed_code(object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
            continue;
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        uintptr_t end = begin + part->p_memsz;
        begin = begin / page * page;
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void footprint_rest_libraries(void)
{
    (void)dl_iterate_phdr(rest, NULL);
}
