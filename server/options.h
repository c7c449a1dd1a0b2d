/* options.h - everything that can be configured, in one table that the command
 * line, the environment (IMBREX_PORT) and the configuration file (port) share.
 *
 * Precedence: command line, environment, file, default. */
#ifndef IBX_SERVER_OPTIONS_H
#define IBX_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/reply.h"

enum {
    OPTIONS_ERROR_NBYTES = 512,
    OPTIONS_TILESETS_MAX = 4096,
};

enum option_origin {
    FROM_DEFAULT,
    FROM_FILE,
    FROM_ENVIRONMENT,
    FROM_COMMAND_LINE,
};

enum access_log { ACCESS_LOG_OFF, ACCESS_LOG_PLAIN, ACCESS_LOG_JSON };

/* A tileset, or a folder of them, to serve. NULL and 0 mean not given. */
struct tileset_option {
    char *path;
    char *id;
    char *name;
    enum absent_policy absent;
    int64_t max_age_s; /* -1: the server's */
};

/* Numbers are 0 (or the default in the table) until set. Sizes in bytes. */
struct options {
    /* Where to listen. */
    uint64_t port;
    char *bind, *listen, *admin;
    /* Caps. */
    uint64_t memory_nbytes, max_mapped_nbytes, max_bodies_nbytes,
        max_index_nbytes, max_documents_nbytes, max_prepared_nbytes;
    uint64_t max_views, max_handles, max_connections, queue;
    uint64_t threads, io_threads;
    /* Reading. */
    uint64_t verify, evict, prefetch_nbytes, scrub_nbytes;
    /* Deadlines. */
    uint64_t header_timeout_s, idle_timeout_s, send_timeout_s, wait_ms,
        drain_timeout_s, drain_delay_s;
    /* Limits. */
    uint64_t max_target_nbytes, max_header_nbytes;
    uint64_t address_connections, address_rate, address_burst;
    /* Answers. */
    uint64_t absent, max_age_s, status, reload_interval_s;
    char *id, *public_url, *base_path, *allowed_hosts, *trusted_proxies, *cors;
    char *fonts, *sprites;
    /* Logs. */
    uint64_t access_log, quiet, verbose;
    char *config;

    struct tileset_option *tilesets;
    size_t ntilesets;
    bool help, version;
    const char *check_health; /* whom to ask instead of serving, or NULL */
    /* One enum option_origin per row of the table. */
    uint8_t origin[64];
};

/* Where an option was set; FROM_DEFAULT for one that was not. `name` is the
 * long name without dashes and must exist. */
enum option_origin options_origin(const struct options *options,
                                  const char *name);

void options_init(struct options *options);
void options_fini(struct options *options);

/* Reads the command line, then the environment and the file it names. On
 * failure `error` says what is wrong with which option, key or variable.
 * `environment` is as in environ. */
bool options_read(struct options *options, int argc, char **argv,
                  char **environment, char error[OPTIONS_ERROR_NBYTES]);

/* Reads a configuration file's text (docs/operations.md). `path` is for
 * messages. Unknown keys and bad values are refused by their path, such as
 * "tilesets[2].max_age". */
bool config_read(struct options *options, const char *path, const char *text,
                 size_t nbytes, char error[OPTIONS_ERROR_NBYTES]);

/* Sets one option by its long name, from a place of this rank; a place of
 * lower rank does not replace what a higher one has set. */
bool options_set(struct options *options, const char *name, const char *value,
                 enum option_origin origin, char error[OPTIONS_ERROR_NBYTES]);

/* Appends a tileset; takes nothing over. NULL when there are too many or
 * there is no memory. */
struct tileset_option *options_add_tileset(struct options *options,
                                           const char *path);

void options_usage(FILE *out);

#endif
