/* attrs.h - attribute sets, each stored once in a temporary file.
 *
 * A set is a byte string: for every attribute the key's number in its layer,
 * a type, the value. Equal sets get the same reference as long as they are
 * met not too far apart; a reference that differs may still be an equal set.
 */
#ifndef TILER_VECTOR_ATTRS_H
#define TILER_VECTOR_ATTRS_H

#include "tiler/vector/bytes.h"
#include "tiler/vector/temp.h"

/* Types of vector tile values. */
enum attr_type {
    ATTR_STRING = 1,
    ATTR_FLOAT,
    ATTR_DOUBLE,
    ATTR_INT, /* written only when negative */
    ATTR_UINT,
    ATTR_BOOL
};

struct attr {
    uint32_t key;
    enum attr_type type;
    union {
        struct {
            const char *ptr; /* borrowed from the set */
            size_t len;
        } string;
        float f32;
        double f64;
        int64_t i64;
        uint64_t u64;
        bool truth;
    } value;
};

/* Appending to a set under construction. */
void attrs_put_string(struct bytes *set, uint32_t key, const char *s, size_t n);
/* Text from anywhere: tiles hold UTF-8, so what is not is taken for Latin-1,
 * and true comes back. */
bool attrs_put_text(struct bytes *set, uint32_t key, const char *text);
void attrs_put_float(struct bytes *set, uint32_t key, float v);
void attrs_put_double(struct bytes *set, uint32_t key, double v);
void attrs_put_integer(struct bytes *set, uint32_t key, int64_t v);
void attrs_put_unsigned(struct bytes *set, uint32_t key, uint64_t v);
void attrs_put_bool(struct bytes *set, uint32_t key, bool v);

/* The next attribute; false at the end (or where the set is damaged). */
bool attrs_next(struct cursor *set, struct attr *out);

struct attrs;

IBX_MUST_CHECK enum ibx_status attrs_open(struct temp_space *space,
                                          struct attrs **out,
                                          struct ibx_err *err);
void attrs_close(struct attrs *attrs);

/* Stores a set. One thread. */
IBX_MUST_CHECK enum ibx_status attrs_add(struct attrs *attrs,
                                         const struct bytes *set, uint64_t *ref,
                                         struct ibx_err *err);

/* Nothing is added from now on and attrs_get() may be used by any thread. */
IBX_MUST_CHECK enum ibx_status attrs_seal(struct attrs *attrs,
                                          struct ibx_err *err);

/* The set, valid until attrs_close(). A reference that attrs_add() did not
 * give is an empty set. */
struct cursor attrs_get(const struct attrs *attrs, uint64_t ref);

#endif
