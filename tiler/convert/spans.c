#include "tiler/convert/spans.h"

#include "tiler/cli/stop.h"
#include "tiler/convert/buf.h"

static enum ibx_status advance(struct spans *s, struct span_input *in,
                               struct ibx_err *err)
{
    enum ibx_status st = ibx_walk_next(in->walk, &in->span, err);
    in->ended =
        st == IBX_NOT_FOUND || (st == IBX_OK && in->span.first_id >= s->end_id);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

enum ibx_status spans_seek(struct spans *s, size_t i, uint64_t from_id,
                           struct ibx_err *err)
{
    struct span_input *in = &s->inputs[i];
    ibx_walk_close(in->walk);
    in->walk = NULL;
    enum ibx_status st = ibx_walk_open(in->tileset, from_id, &in->walk, err);
    return st == IBX_OK ? advance(s, in, err) : st;
}

enum ibx_status spans_open(struct spans *s, uint64_t from_id, uint64_t end_id,
                           struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    s->end_id = end_id;
    s->piece = 0;
    s->holders = 0;
    for (size_t i = 0; i < s->count && st == IBX_OK; i++)
        st = spans_seek(s, i, from_id, err);
    return st;
}

/* Takes the piece at hand off the inputs that have it. */
static enum ibx_status consume(struct spans *s, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < s->count && st == IBX_OK; i++) {
        struct span_input *in = &s->inputs[i];
        if ((s->holders >> i & 1) == 0)
            continue;
        in->span.first_id += s->piece;
        in->span.count -= s->piece;
        if (in->span.count == 0)
            st = advance(s, in, err);
    }
    s->holders = 0;
    return st;
}

/* Where the next piece begins: the least id that any input has. */
static bool find_first(struct spans *s)
{
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct span_input *in = &s->inputs[i];
        if (in->ended || (any && in->span.first_id >= s->first_id))
            continue;
        s->first_id = in->span.first_id;
        any = true;
    }
    return any;
}

/* How far it goes: until a run ends or begins. */
static void find_piece(struct spans *s)
{
    uint64_t end = s->end_id;
    for (size_t i = 0; i < s->count; i++) {
        const struct span_input *in = &s->inputs[i];
        if (in->ended)
            continue;
        bool holds = in->span.first_id == s->first_id;
        uint64_t stop = in->span.first_id + (holds ? in->span.count : 0);
        end = stop < end ? stop : end;
        s->holders |= (uint64_t)holds << i;
    }
    s->piece = end - s->first_id;
}

enum ibx_status spans_next(struct spans *s, struct ibx_err *err)
{
    if (stop_requested())
        return convert_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    enum ibx_status st = consume(s, err);
    if (st != IBX_OK)
        return st;
    if (!find_first(s))
        return IBX_NOT_FOUND;
    find_piece(s);
    return IBX_OK;
}

void spans_close(struct spans *s)
{
    for (size_t i = 0; i < s->count; i++) {
        ibx_walk_close(s->inputs[i].walk);
        s->inputs[i].walk = NULL;
    }
}
