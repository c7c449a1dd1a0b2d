#include "server/negotiate.h"

#include "server/media.h"

/* Weights in thousandths; IMPLIED when the client did not say. */
enum { WEIGHT_IMPLIED = -1 };

struct weights {
    int coding, identity, any;
};

/* RFC 9110 12.4.2: "0", "1" or up to three decimals. -1 when it is neither. */
static int weight_parse(struct span text)
{
    int value = 0, scale = 100;
    if (text.len == 0 || text.len > 5 || text.ptr[0] < '0' ||
        text.ptr[0] > '1' || (text.len > 1 && text.ptr[1] != '.'))
        return -1;
    value = (text.ptr[0] - '0') * 1000;
    for (size_t i = 2; i < text.len; i++, scale /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value += (text.ptr[i] - '0') * scale;
    }
    return value <= 1000 ? value : -1;
}

/* The weight among an element's parameters; 1000 when it has none. */
static int element_weight(struct span params)
{
    while (params.ptr != NULL) {
        struct span param = span_trim(span_cut(&params, ';'));
        struct span name = span_trim(span_cut(&param, '='));
        if (span_is_caseless(name, "q"))
            return weight_parse(span_trim(param));
    }
    return 1000;
}

static bool is_coding(struct span name, const char *coding)
{
    if (span_is_caseless(name, coding))
        return true;
    /* RFC 9110 8.4.1.3: x-gzip is gzip. */
    return span_is(span_of(coding), "gzip") && span_is_caseless(name, "x-gzip");
}

static void element_add(struct span element, const char *coding,
                        struct weights *out)
{
    struct span rest = element;
    struct span name = span_trim(span_cut(&rest, ';'));
    int weight = element_weight(rest);
    if (weight < 0)
        return; /* not a weight: the element says nothing */
    if (span_is(name, "*"))
        out->any = weight;
    else if (span_is_caseless(name, "identity"))
        out->identity = weight;
    else if (coding != NULL && is_coding(name, coding))
        out->coding = weight;
}

static struct weights weigh(const struct field *field, const char *coding)
{
    struct weights out = {WEIGHT_IMPLIED, WEIGHT_IMPLIED, WEIGHT_IMPLIED};
    for (unsigned i = 0; i < field->nlines; i++) {
        struct span rest = field->line[i];
        while (rest.ptr != NULL)
            element_add(span_trim(span_cut(&rest, ',')), coding, &out);
    }
    if (out.coding == WEIGHT_IMPLIED)
        out.coding = out.any == WEIGHT_IMPLIED ? 0 : out.any;
    if (out.identity == WEIGHT_IMPLIED && out.any == 0)
        out.identity = 0;
    return out;
}

enum send_as negotiate(const struct field *accept_encoding,
                       enum ibx_encoding stored)
{
    const char *coding = media_encoding(stored);
    if (coding == NULL)
        return SEND_STORED;
    struct weights w = weigh(accept_encoding, coding);
    bool can_decode = stored == IBX_ENCODING_GZIP;
    if (w.coding > 0 && (w.coding >= w.identity || !can_decode))
        return SEND_STORED;
    return can_decode ? SEND_DECODED : SEND_NOT_ACCEPTABLE;
}

bool negotiate_gzip(const struct field *accept_encoding)
{
    return negotiate(accept_encoding, IBX_ENCODING_GZIP) == SEND_STORED;
}
