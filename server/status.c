/* /status.json: caps and counters, for the page's panel. */
#include "server/clock.h"
#include "server/document.h"
#include "server/server.h"

static void put_cap(struct buffer *out, const char *name, uint64_t now,
                    uint64_t high, uint64_t cap)
{
    buffer_printf(out, "\"%s\":{\"now\":%llu,\"high\":%llu,\"cap\":%llu},",
                  name, (unsigned long long)now, (unsigned long long)high,
                  (unsigned long long)cap);
}

static void put_gauge(struct buffer *out, const char *name, struct gauge *gauge,
                      uint64_t cap)
{
    put_cap(out, name, atomic_load(&gauge->now), atomic_load(&gauge->high),
            cap);
}

static void put_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "\"%s\":%llu,", name, (unsigned long long)value);
}

static uint64_t counted(const struct counters *counters, enum counter which)
{
    return atomic_load(&counters->value[which]);
}

static void put_counters(struct buffer *out, const struct counters *c)
{
    put_number(out, "requests",
               counted(c, COUNTER_STATUS_2XX) + counted(c, COUNTER_STATUS_3XX) +
                   counted(c, COUNTER_STATUS_4XX) +
                   counted(c, COUNTER_STATUS_5XX));
    put_number(out, "errors", counted(c, COUNTER_STATUS_5XX));
    put_number(out, "sent_bytes", counted(c, COUNTER_SENT_NBYTES));
    put_number(out, "tiles_warm",
               counted(c, COUNTER_TILES_WARM) +
                   counted(c, COUNTER_TILES_PREPARED));
    put_number(out, "tiles_prepared", counted(c, COUNTER_TILES_PREPARED));
    put_number(out, "tiles_cold", counted(c, COUNTER_TILES_COLD));
    put_number(out, "refused",
               counted(c, COUNTER_REFUSED_BUSY) +
                   counted(c, COUNTER_REFUSED_QUEUE) +
                   counted(c, COUNTER_REFUSED_WAIT) +
                   counted(c, COUNTER_REFUSED_DOCUMENTS) +
                   counted(c, COUNTER_REFUSED_RATE));
}

void write_status(struct server *server, const struct document *doc)
{
    struct buffer *out = doc->out;
    const struct budget *b = &server->budget;
    struct ibx_cache_stats s;
    struct counters counters;
    ibx_cache_stats(server->cache, &s);
    server_counters(server, &counters);
    buffer_printf(out, "{\"version\":\"%s\",\"uptime_ms\":%lld,\"caps\":{",
                  IBX_VERSION, (long long)(clock_ms() - server->started_ms));
    put_cap(out, "views", s.views, s.views_high, b->views);
    put_cap(out, "mapped_bytes", s.mapped_nbytes, s.mapped_nbytes_high,
            b->mapped);
    put_cap(out, "bodies_bytes", s.copy_nbytes, s.copy_nbytes_high, b->bodies);
    put_cap(out, "index_bytes", s.index_nbytes, s.index_nbytes_high, b->index);
    put_cap(out, "handles", s.handles, s.handles_high, b->cache_handles);
    put_gauge(out, "prepared_bytes", &server->prepared, b->prepared);
    put_gauge(out, "documents_bytes", &server->documents, b->documents);
    put_gauge(out, "connections", &server->connections, b->connections);
    put_gauge(out, "queue", &server->jobs, b->queue);
    out->len--; /* the last comma */
    buffer_puts(out, "},\"counters\":{");
    put_number(out, "view_hits", s.hits);
    put_number(out, "view_misses", s.misses);
    put_number(out, "view_opens", s.opens);
    put_number(out, "view_evictions", s.evictions);
    put_number(out, "view_evictions_spared", s.spared);
    put_number(out, "cap_waits", s.waits);
    put_number(out, "cap_refusals", s.refusals);
    put_number(out, "corrupt", s.corrupt);
    put_counters(out, &counters);
    out->len--;
    buffer_printf(out, "},\"tilesets\":%zu}\n", doc->catalog->nserved);
}
