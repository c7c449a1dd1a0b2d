#include "server/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "pack/imbrex.h"
#include "server/origin.h"

enum option_type {
    TYPE_COUNT, /* a number within min..max */
    TYPE_SIZE,  /* a size with a suffix, within min..max */
    TYPE_WORD,  /* one of `words`; the value is its place */
    TYPE_TEXT,
    TYPE_FLAG, /* no argument on the command line */
};

struct option_row {
    const char *name, *argument;
    enum option_type type;
    size_t off;
    uint64_t min, max, fallback;
    const char *words; /* separated by | */
    const char *help;
};

#define AT(field) offsetof(struct options, field)
#define KIB       UINT64_C(1024)
#define MIB       (KIB * KIB)
#define ANY_SIZE  (UINT64_C(1) << 50)

/* A fallback of 0 for a cap means: computed by the budget. */
static const struct option_row rows[] = {
    {"port", "N", TYPE_COUNT, AT(port), 0, 65535, 8080, NULL,
     "TCP port; 0 picks a free one and prints it [8080]"},
    {"bind", "ADDRESS", TYPE_TEXT, AT(bind), 0, 0, 0, NULL,
     "address to listen on [127.0.0.1]"},
    {"listen", "LIST", TYPE_TEXT, AT(listen), 0, 0, 0, NULL,
     "HOST:PORT, [IPV6]:PORT, unix:PATH or systemd, with commas; instead of "
     "--bind and --port"},
    {"admin", "WHERE", TYPE_TEXT, AT(admin), 0, 0, 0, NULL,
     "HOST:PORT, unix:PATH or off for health and metrics [127.0.0.1:8081, or "
     "the next free port]"},
    {"memory", "SIZE", TYPE_SIZE, AT(memory_nbytes), 4 * MIB, ANY_SIZE, 0, NULL,
     "private memory, all of it [32M, less where limits are tight]"},
    {"max-mapped", "SIZE", TYPE_SIZE, AT(max_mapped_nbytes), 64 * KIB, ANY_SIZE,
     0, NULL,
     "bytes of packs and manifests mapped [1G, less where limits are tight]"},
    {"max-views", "N", TYPE_COUNT, AT(max_views), 1, 4096, 0, NULL,
     "packs mapped at once [one per 4M of --max-mapped, 32 to 256]"},
    {"max-handles", "N", TYPE_COUNT, AT(max_handles), 1, 65536, 0, NULL,
     "file handles for packs and manifests [16]"},
    {"max-connections", "N", TYPE_COUNT, AT(max_connections), 1, 65536, 0, NULL,
     "connections; more wait in the listen backlog [from --memory]"},
    {"max-bodies", "SIZE", TYPE_SIZE, AT(max_bodies_nbytes), 64 * KIB, ANY_SIZE,
     0, NULL, "tiles being sent, summed [from --memory]"},
    {"max-index", "SIZE", TYPE_SIZE, AT(max_index_nbytes), 64 * KIB, ANY_SIZE,
     0, NULL, "indexes of mapped packs, summed [from --memory]"},
    {"max-documents", "SIZE", TYPE_SIZE, AT(max_documents_nbytes), 64 * KIB,
     ANY_SIZE, 0, NULL, "documents and decoded tiles [from --memory]"},
    {"max-prepared", "SIZE", TYPE_SIZE, AT(max_prepared_nbytes), 0, ANY_SIZE, 0,
     NULL, "answers to the most wanted tiles, 0 for none [from --memory]"},
    {"queue", "N", TYPE_COUNT, AT(queue), 1, 65536, 0, NULL,
     "requests that may wait for a cold read [256]"},
    {"threads", "N", TYPE_COUNT, AT(threads), 1, 64, 0, NULL,
     "event loops [CPUs, at most 4]"},
    {"io-threads", "N", TYPE_COUNT, AT(io_threads), 1, 64, 0, NULL,
     "threads for cold reads [4]"},
    {"verify", "WHEN", TYPE_WORD, AT(verify), 0, 0, 0, "always|first|never",
     "when tiles are checked [always]"},
    {"prefetch", "SIZE", TYPE_SIZE, AT(prefetch_nbytes), 0, 4 * MIB, 64 * KIB,
     NULL, "block read whole on its second visit, 0 for none [64K]"},
    {"evict", "HOW", TYPE_WORD, AT(evict), 0, 0, 0, "cold|dontneed|none",
     "what the kernel is told about unmapped packs [cold]"},
    {"scrub", "SIZE", TYPE_SIZE, AT(scrub_nbytes), 0, ANY_SIZE, 0, NULL,
     "verify all packs in the background at this many bytes a second [0]"},
    {"header-timeout", "S", TYPE_COUNT, AT(header_timeout_s), 1, 3600, 10, NULL,
     "to receive a request's head [10]"},
    {"idle-timeout", "S", TYPE_COUNT, AT(idle_timeout_s), 1, 86400, 60, NULL,
     "between requests of a connection [60]"},
    {"send-timeout", "S", TYPE_COUNT, AT(send_timeout_s), 1, 86400, 60, NULL,
     "to send one answer [60]"},
    {"wait", "MS", TYPE_COUNT, AT(wait_ms), 1, 600000, 2000, NULL,
     "longest wait at a cap or for a cold read, then 503 [2000]"},
    {"drain-timeout", "S", TYPE_COUNT, AT(drain_timeout_s), 0, 3600, 10, NULL,
     "to finish requests after SIGTERM [10]"},
    {"drain-delay", "S", TYPE_COUNT, AT(drain_delay_s), 0, 3600, 0, NULL,
     "to serve on while /readyz says no, after SIGTERM [0]"},
    {"max-uri", "SIZE", TYPE_SIZE, AT(max_target_nbytes), 64, 4 * KIB, 2 * KIB,
     NULL, "longest request target [2K]"},
    {"max-header", "SIZE", TYPE_SIZE, AT(max_header_nbytes), 512, 6 * KIB,
     6 * KIB, NULL, "largest request header [6K]"},
    {"address-connections", "N", TYPE_COUNT, AT(address_connections), 0, 65536,
     0, NULL, "connections per address, 0 for any number [0]"},
    {"address-rate", "N", TYPE_COUNT, AT(address_rate), 0, 1000000, 0, NULL,
     "requests per second and address, 0 for any number [0]"},
    {"address-burst", "N", TYPE_COUNT, AT(address_burst), 1, 1000000, 200, NULL,
     "requests that an address may make at once [200]"},
    {"absent", "STATUS", TYPE_WORD, AT(absent), 0, 0, 0, "default|204|404",
     "answer for a tile that is not there [204 vector, 404 raster]"},
    {"max-age", "S", TYPE_COUNT, AT(max_age_s), 0, 31536000, 3600, NULL,
     "how long tiles may be cached [3600]"},
    {"status", "WHETHER", TYPE_WORD, AT(status), 0, 0, 0, "on|off",
     "answer /status.json [on]"},
    {"reload-interval", "S", TYPE_COUNT, AT(reload_interval_s), 0, 86400, 1,
     NULL, "how often CURRENT files are looked at, 0 for never [1]"},
    {"id", "ID", TYPE_TEXT, AT(id), 0, 0, 0, NULL,
     "the tileset's id in URLs; only with one TILESET"},
    {"public-url", "URL", TYPE_TEXT, AT(public_url), 0, 0, 0, NULL,
     "what clients call this server [the Host they send]"},
    {"base-path", "PATH", TYPE_TEXT, AT(base_path), 0, 0, 0, NULL,
     "path in front of all others, such as /maps [none]"},
    {"allowed-hosts", "LIST", TYPE_TEXT, AT(allowed_hosts), 0, 0, 0, NULL,
     "hosts that may be asked for [any]"},
    {"trusted-proxies", "LIST", TYPE_TEXT, AT(trusted_proxies), 0, 0, 0, NULL,
     "networks whose forwarding headers count, such as 10.0.0.0/8,unix"},
    {"cors", "ORIGINS", TYPE_TEXT, AT(cors), 0, 0, 0, NULL,
     "origins whose pages may read answers, or none [*]"},
    {"fonts", "FOLDER", TYPE_TEXT, AT(fonts), 0, 0, 0, NULL,
     "glyph ranges, STACK/A-B.pbf, or none [where imbrex-labels is]"},
    {"sprites", "FOLDER", TYPE_TEXT, AT(sprites), 0, 0, 0, NULL,
     "sprite sheets, or none [where imbrex-labels is]"},
    {"access-log", "HOW", TYPE_WORD, AT(access_log), 0, 0, 0, "off|plain|json",
     "one line per request on standard output [off]"},
    {"config", "FILE", TYPE_TEXT, AT(config), 0, 0, 0, NULL,
     "read options and tilesets from a JSON file"},
    {"quiet", NULL, TYPE_FLAG, AT(quiet), 0, 1, 0, NULL, "log failures only"},
    {"verbose", NULL, TYPE_FLAG, AT(verbose), 0, 1, 0, NULL,
     "log more than is usually wanted"},
};

enum { NROWS = sizeof(rows) / sizeof(rows[0]) };

static uint64_t *number_at(struct options *options,
                           const struct option_row *row)
{
    return (uint64_t *)(void *)((char *)options + row->off);
}

static char **text_at(struct options *options, const struct option_row *row)
{
    return (char **)(void *)((char *)options + row->off);
}

static size_t row_find(const char *name)
{
    size_t i = 0;
    while (i < NROWS && strcmp(rows[i].name, name) != 0)
        i++;
    return i;
}

enum option_origin options_origin(const struct options *options,
                                  const char *name)
{
    return (enum option_origin)options->origin[row_find(name)];
}

void options_init(struct options *options)
{
    _Static_assert(NROWS <= sizeof(((struct options *)NULL)->origin),
                   "a place for every row's origin");
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].type != TYPE_TEXT)
            *number_at(options, &rows[i]) = rows[i].fallback;
    }
}

void options_fini(struct options *options)
{
    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].type == TYPE_TEXT)
            free(*text_at(options, &rows[i]));
    }
    for (size_t i = 0; i < options->ntilesets; i++) {
        free(options->tilesets[i].path);
        free(options->tilesets[i].id);
        free(options->tilesets[i].name);
    }
    free(options->tilesets);
    memset(options, 0, sizeof(*options));
}

static bool parse_word(const struct option_row *row, const char *value,
                       uint64_t *out)
{
    struct span rest = span_of(row->words);
    for (uint64_t i = 0; rest.ptr != NULL; i++) {
        struct span word = span_cut(&rest, '|');
        if (span_is(word, value)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool parse_number(const struct option_row *row, const char *value,
                         uint64_t *out)
{
    bool got = row->type == TYPE_SIZE
                   ? size_parse(value, out)
                   : span_decimal(span_of(value), UINT64_MAX, out);
    return got && *out >= row->min && *out <= row->max;
}

/* "a number from 1 to 64", for a message. */
static void describe(const struct option_row *row, char *out, size_t nbytes)
{
    char low[32], high[32];
    if (row->type == TYPE_WORD) {
        (void)snprintf(out, nbytes, "one of %s", row->words);
        return;
    }
    if (row->type == TYPE_SIZE) {
        size_format(row->min, low, sizeof(low));
        size_format(row->max, high, sizeof(high));
    } else {
        (void)snprintf(low, sizeof(low), "%llu", (unsigned long long)row->min);
        (void)snprintf(high, sizeof(high), "%llu",
                       (unsigned long long)row->max);
    }
    (void)snprintf(out, nbytes, "a %s from %s to %s",
                   row->type == TYPE_SIZE ? "size such as 64K or 32M"
                                          : "number",
                   low, high);
}

static const char *check_text(const char *name, const char *value)
{
    struct proxy_list proxies;
    if (strcmp(name, "base-path") == 0 && !origin_base_path_is_valid(value))
        return "a path such as /maps, without a slash at its end";
    if (strcmp(name, "public-url") == 0 && !origin_public_url_is_valid(value))
        return "a URL such as https://maps.example, without a slash at its end";
    if (strcmp(name, "trusted-proxies") == 0 &&
        !proxy_list_parse(value, &proxies))
        return "up to 16 networks such as 10.0.0.0/8, or unix";
    if (strcmp(name, "id") == 0 && !route_id_is_valid(value))
        return "letters, digits, _ - . and no reserved word";
    return NULL;
}

static bool set_text(struct options *options, const struct option_row *row,
                     const char *value, char error[OPTIONS_ERROR_NBYTES])
{
    const char *wanted = check_text(row->name, value);
    char *copy = wanted == NULL ? strdup(value) : NULL;
    if (copy == NULL) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES, "\"%.200s\" is not %s",
                       value, wanted != NULL ? wanted : "kept: out of memory");
        return false;
    }
    free(*text_at(options, row));
    *text_at(options, row) = copy;
    return true;
}

static bool set_number(struct options *options, const struct option_row *row,
                       const char *value, char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t number;
    char wanted[160];
    bool got = row->type == TYPE_WORD ? parse_word(row, value, &number)
                                      : parse_number(row, value, &number);
    if (got) {
        *number_at(options, row) = number;
        return true;
    }
    describe(row, wanted, sizeof(wanted));
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "\"%.200s\" is not %s", value,
                   wanted);
    return false;
}

bool options_set(struct options *options, const char *name, const char *value,
                 enum option_origin origin, char error[OPTIONS_ERROR_NBYTES])
{
    size_t i = row_find(name);
    if (i == NROWS) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES, "there is no such option");
        return false;
    }
    if (options->origin[i] > origin)
        return true;
    bool set = rows[i].type == TYPE_TEXT
                   ? set_text(options, &rows[i], value, error)
                   : set_number(options, &rows[i], value, error);
    if (set)
        options->origin[i] = (uint8_t)origin;
    return set;
}

struct tileset_option *options_add_tileset(struct options *options,
                                           const char *path)
{
    size_t n = options->ntilesets;
    if (n == OPTIONS_TILESETS_MAX)
        return NULL;
    struct tileset_option *more =
        realloc(options->tilesets, (n + 1) * sizeof(*more));
    if (more == NULL)
        return NULL;
    options->tilesets = more;
    more[n] = (struct tileset_option){.path = strdup(path), .max_age_s = -1};
    if (more[n].path == NULL)
        return NULL;
    options->ntilesets = n + 1;
    return &more[n];
}

/* Prefixes what went wrong with where, keeping both readable. */
static bool blame(const char *prefix, const char *name,
                  char error[OPTIONS_ERROR_NBYTES])
{
    char what[OPTIONS_ERROR_NBYTES];
    (void)snprintf(what, sizeof(what), "%s", error);
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "%s%.100s: %.380s", prefix,
                   name, what);
    return false;
}

/* One "--name value", "--name=value" or "--flag" at argv[*at]. */
static bool read_option(struct options *options, int argc, char **argv, int *at,
                        char error[OPTIONS_ERROR_NBYTES])
{
    char name[64];
    struct span rest = span_of(argv[*at] + 2);
    struct span head = span_cut(&rest, '=');
    const char *value = rest.ptr;
    if (!span_copy(head, name, sizeof(name)) || row_find(name) == NROWS) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.200s: there is no such option: see --help",
                       argv[*at]);
        return false;
    }
    bool flag = rows[row_find(name)].type == TYPE_FLAG;
    if (flag)
        value = value == NULL ? "1" : value;
    else if (value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (value == NULL) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES, "--%s: needs a value",
                       name);
        return false;
    }
    return options_set(options, name, value, FROM_COMMAND_LINE, error) ||
           blame("--", name, error);
}

static bool read_argument(struct options *options, int argc, char **argv,
                          int *at, char error[OPTIONS_ERROR_NBYTES])
{
    const char *text = argv[*at];
    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
        options->help = true;
    else if (strcmp(text, "--version") == 0)
        options->version = true;
    else if (strcmp(text, "--check-health") == 0 && *at + 1 < argc)
        options->check_health = argv[++*at];
    else if (strncmp(text, "--", 2) == 0)
        return read_option(options, argc, argv, at, error);
    else if (text[0] == '-' && text[1] != '\0') {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.200s: there is no such option: see --help", text);
        return false;
    } else if (options_add_tileset(options, text) == NULL) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.200s: more tilesets than can be kept", text);
        return false;
    }
    return true;
}

static bool read_command_line(struct options *options, int argc, char **argv,
                              char error[OPTIONS_ERROR_NBYTES])
{
    bool only_paths = false;
    for (int i = 1; i < argc; i++) {
        if (!only_paths && strcmp(argv[i], "--") == 0) {
            only_paths = true;
        } else if (only_paths) {
            if (options_add_tileset(options, argv[i]) == NULL)
                return false;
        } else if (!read_argument(options, argc, argv, &i, error)) {
            return false;
        }
    }
    return true;
}

/* IMBREX_MAX_AGE is max-age; IMBREX_TILESETS is a list with colons. */
static bool variable_is(const char *variable, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        char upper = c == '-' ? '_' : (char)(c >= 'a' ? c - 32 : c);
        if (variable[i] != upper)
            return false;
    }
    return variable[len] == '=';
}

static bool read_variable(struct options *options, const char *text,
                          char error[OPTIONS_ERROR_NBYTES])
{
    for (size_t i = 0; i < NROWS; i++) {
        size_t len = strlen(rows[i].name);
        if (strlen(text) <= len || !variable_is(text, rows[i].name, len))
            continue;
        return options_set(options, rows[i].name, text + len + 1,
                           FROM_ENVIRONMENT, error) ||
               blame("IMBREX_", rows[i].name, error);
    }
    return true;
}

static bool read_tileset_variable(struct options *options, const char *list)
{
    struct span rest = span_of(list);
    while (rest.ptr != NULL) {
        struct span one = span_cut(&rest, ':');
        char path[4096];
        if (one.len == 0)
            continue;
        if (!span_copy(one, path, sizeof(path)) ||
            options_add_tileset(options, path) == NULL)
            return false;
    }
    return true;
}

/* Variables of other names are none of our business: other programs of the
 * same container may use the prefix. */
static bool read_environment(struct options *options, char **environment,
                             char error[OPTIONS_ERROR_NBYTES])
{
    static const char prefix[] = "IMBREX_", tilesets[] = "TILESETS=";
    bool given = options->ntilesets > 0;
    for (char **at = environment; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, prefix, sizeof(prefix) - 1) != 0)
            continue;
        const char *name = *at + sizeof(prefix) - 1;
        bool is_tilesets = strncmp(name, tilesets, sizeof(tilesets) - 1) == 0;
        bool read = !is_tilesets
                        ? read_variable(options, name, error)
                        : given || read_tileset_variable(
                                       options, name + sizeof(tilesets) - 1);
        if (!read)
            return false;
    }
    return true;
}

/* A configuration is small; a file that is not one must not fill memory. */
enum { CONFIG_NBYTES_MAX = 4 << 20 };

static bool read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    char chunk[4096];
    size_t got;
    if (file == NULL)
        return false;
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buffer_add(out, chunk, got);
    bool failed = ferror(file) != 0 || out->failed;
    return fclose(file) == 0 && !failed;
}

static bool read_config(struct options *options,
                        char error[OPTIONS_ERROR_NBYTES])
{
    struct buffer text;
    if (options->config == NULL)
        return true;
    buffer_init(&text, CONFIG_NBYTES_MAX);
    bool read = read_file(options->config, &text);
    if (!read)
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.300s: cannot be read, or is larger than 4M",
                       options->config);
    else
        read =
            config_read(options, options->config,
                        text.bytes == NULL ? "" : text.bytes, text.len, error);
    buffer_fini(&text);
    return read;
}

bool options_read(struct options *options, int argc, char **argv,
                  char **environment, char error[OPTIONS_ERROR_NBYTES])
{
    (void)snprintf(error, OPTIONS_ERROR_NBYTES, "out of memory");
    if (!read_command_line(options, argc, argv, error))
        return false;
    if (options->help || options->version || options->check_health != NULL)
        return true;
    if (!read_environment(options, environment, error) ||
        !read_config(options, error))
        return false;
    if (options->id != NULL && options->ntilesets != 1) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "--id: goes with exactly one TILESET");
        return false;
    }
    if (options->ntilesets == 0) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "no TILESET and no FOLDER given: see --help");
        return false;
    }
    return true;
}

void options_usage(FILE *out)
{
    (void)fprintf(out, "Usage: imbrex-server [OPTION]... TILESET|FOLDER...\n"
                       "Serves Imbrex tilesets over HTTP.\n\n");
    for (size_t i = 0; i < NROWS; i++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
                       rows[i].argument == NULL ? "" : " ",
                       rows[i].argument == NULL ? "" : rows[i].argument);
        (void)fprintf(out, "  %-28s %s\n", left, rows[i].help);
    }
    (void)fprintf(out,
                  "  %-28s %s\n  %-28s %s\n  %-28s %s\n\n"
                  "Every option is also a variable (IMBREX_MAX_AGE) and a key "
                  "of the\nconfiguration file (max_age). Sizes take K, M, G.\n",
                  "--check-health WHERE",
                  "ask a running server's --admin whether it is alive, and end",
                  "--help", "print this", "--version", "print the version");
}
