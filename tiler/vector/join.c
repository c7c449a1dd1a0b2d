#include "tiler/vector/join.h"

#include <stdlib.h>

/* An end or begin of a line. */
struct tip {
    struct geom_point at;
    size_t line;
};

static int compare_tips(const void *left, const void *right)
{
    const struct tip *a = left, *b = right;
    int order = geom_point_compare(a->at, b->at);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static struct geom_point first_of(const struct geom *lines, size_t line)
{
    return lines->points[geom_part_start(lines, line)];
}

static struct geom_point last_of(const struct geom *lines, size_t line)
{
    return lines->points[lines->parts[line].end - 1];
}

/* How many tips from `at` on lie at one point. */
static size_t same_tips(const struct tip *tips, size_t n, size_t at)
{
    size_t end = at + 1;
    while (end < n && geom_point_equal(tips[end].at, tips[at].at))
        end++;
    return end - at;
}

/* Fills next[] and has_previous[] from sorted begins and ends. */
static void match(const struct tip *begins, const struct tip *ends, size_t n,
                  size_t *next, bool *has_previous)
{
    for (size_t b = 0, e = 0; b < n && e < n;) {
        size_t nb = same_tips(begins, n, b), ne = same_tips(ends, n, e);
        int order = geom_point_compare(begins[b].at, ends[e].at);
        if (order == 0 && nb == 1 && ne == 1 &&
            begins[b].line != ends[e].line) {
            next[ends[e].line] = begins[b].line;
            has_previous[begins[b].line] = true;
        }
        if (order <= 0)
            b += nb;
        if (order >= 0)
            e += ne;
    }
}

static bool add_chain(const struct geom *lines, size_t line, const size_t *next,
                      bool *used, struct geom *out)
{
    bool first = true;
    for (size_t at = line; at != SIZE_MAX && !used[at]; at = next[at]) {
        used[at] = true;
        size_t start = geom_part_start(lines, at) + (first ? 0 : 1);
        for (size_t i = start; i < lines->parts[at].end; i++) {
            if (!geom_add_point(out, lines->points[i]))
                return false;
        }
        first = false;
    }
    return geom_end_part(out, false);
}

struct joining {
    struct tip *begins, *ends;
    size_t *next;
    bool *has_previous, *used;
};

static bool joining_init(struct joining *j, const struct geom *lines)
{
    size_t n = lines->nparts;
    j->begins = malloc(n * sizeof *j->begins);
    j->ends = malloc(n * sizeof *j->ends);
    j->next = malloc(n * sizeof *j->next);
    j->has_previous = calloc(n, sizeof *j->has_previous);
    j->used = calloc(n, sizeof *j->used);
    if (j->begins == NULL || j->ends == NULL || j->next == NULL ||
        j->has_previous == NULL || j->used == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        j->begins[i] = (struct tip){first_of(lines, i), i};
        j->ends[i] = (struct tip){last_of(lines, i), i};
        j->next[i] = SIZE_MAX;
    }
    return true;
}

static void joining_fini(struct joining *j)
{
    free(j->begins);
    free(j->ends);
    free(j->next);
    free(j->has_previous);
    free(j->used);
}

bool join_lines(const struct geom *lines, struct geom *out)
{
    size_t n = lines->nparts;
    struct joining j;
    geom_reset(out, GEOM_LINE);
    if (n == 0)
        return true;
    bool ok = joining_init(&j, lines);
    if (ok) {
        qsort(j.begins, n, sizeof *j.begins, compare_tips);
        qsort(j.ends, n, sizeof *j.ends, compare_tips);
        match(j.begins, j.ends, n, j.next, j.has_previous);
    }
    /* Chains from their first line on; what is left then are circles. */
    for (size_t i = 0; i < n && ok; i++) {
        if (!j.has_previous[i])
            ok = add_chain(lines, i, j.next, j.used, out);
    }
    for (size_t i = 0; i < n && ok; i++) {
        if (!j.used[i])
            ok = add_chain(lines, i, j.next, j.used, out);
    }
    joining_fini(&j);
    return ok;
}
