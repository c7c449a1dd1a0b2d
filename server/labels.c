#include "server/labels.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/text.h"

static const char usual_stack[] = "Noto Sans Regular";

/* PREFIX/share/imbrex/NAME of a program in PREFIX/bin. Found from where it is,
 * so that an installed tree can be moved. */
static bool installed_folder(const char *name, char out[LABELS_PATH_NBYTES])
{
    char self[LABELS_PATH_NBYTES];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return false;
    self[len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
    }
    int need =
        snprintf(out, LABELS_PATH_NBYTES, "%s/share/imbrex/%s", self, name);
    return need > 0 && need < LABELS_PATH_NBYTES;
}

static bool is_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    (void)closedir(folder);
    return true;
}

static bool find_folder(const char *name, const char *given,
                        char out[LABELS_PATH_NBYTES],
                        char error[OPTIONS_ERROR_NBYTES])
{
    if (given == NULL) {
        if (!installed_folder(name, out) || !is_folder(out))
            out[0] = '\0';
        return true;
    }
    if (strcmp(given, "none") == 0) {
        out[0] = '\0';
        return true;
    }
    errno = ENAMETOOLONG;
    if (span_copy(span_of(given), out, LABELS_PATH_NBYTES) && is_folder(out))
        return true;
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "--%s: %.300s: %s", name, given,
                   strerror(errno));
    return false;
}

/* True when `name` is the one to write with rather than `best`. */
static bool is_better_stack(const char *name, const char *best)
{
    if (name[0] == '.' || strlen(name) >= ROUTE_NAME_NBYTES ||
        strcmp(best, usual_stack) == 0)
        return false;
    return best[0] == '\0' || strcmp(name, usual_stack) == 0 ||
           strcmp(name, best) < 0;
}

/* Folders only: a loose file among them is no stack. */
static void find_stack(struct labels *labels)
{
    char path[2 * LABELS_PATH_NBYTES];
    DIR *folder = labels->fonts[0] == '\0' ? NULL : opendir(labels->fonts);
    const struct dirent *entry;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (!is_better_stack(entry->d_name, labels->stack))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", labels->fonts,
                       entry->d_name);
        if (is_folder(path))
            (void)span_copy(span_of(entry->d_name), labels->stack,
                            sizeof(labels->stack));
    }
    (void)closedir(folder);
}

bool labels_find(const struct options *options, struct labels *out,
                 char error[OPTIONS_ERROR_NBYTES])
{
    char sheet[LABELS_PATH_NBYTES + 16];
    memset(out, 0, sizeof(*out));
    if (!find_folder("fonts", options->fonts, out->fonts, error) ||
        !find_folder("sprites", options->sprites, out->sprites, error))
        return false;
    find_stack(out);
    (void)snprintf(sheet, sizeof(sheet), "%s/sprite.json", out->sprites);
    out->sprite = out->sprites[0] != '\0' && access(sheet, R_OK) == 0;
    return true;
}
