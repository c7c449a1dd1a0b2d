#include "server/conditional.h"

#include <string.h>

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed",
                                        "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr",
                                          "May", "Jun", "Jul", "Aug",
                                          "Sep", "Oct", "Nov", "Dec"};

void etag_format(uint64_t hash, bool decoded, char out[ETAG_NBYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    *at++ = '"';
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = digits[(hash >> shift) & 15];
    if (decoded) {
        *at++ = '-';
        *at++ = 'i';
    }
    *at++ = '"';
    *at = '\0';
}

static char *put_digits(char *at, unsigned value, int ndigits)
{
    for (int i = ndigits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + ndigits;
}

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

/* By hand: this runs for every tile, and snprintf() takes a tenth of one. */
void date_format(int64_t unix_s, char out[DATE_NBYTES])
{
    static const int64_t last_second = 253402300799; /* of the year 9999 */
    int64_t when = unix_s < 0 ? 0 : unix_s > last_second ? last_second : unix_s;
    int64_t days = when / 86400;
    unsigned second = (unsigned)(when % 86400);
    /* Back from days to a date, in years that begin in March. */
    int64_t shifted = days + 719468, era = shifted / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year =
        (unsigned)(of_era - (365 * year + year / 4 - year / 100));
    unsigned month = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10);
    char *at = put_text(out, day_names[(days + 4) % 7]);
    at = put_digits(put_text(at, ", "), day, 2);
    at = put_text(put_text(at, " "), month_names[(month + 2) % 12]);
    at = put_digits(put_text(at, " "), (unsigned)year, 4);
    at = put_digits(put_text(at, " "), second / 3600, 2);
    at = put_digits(put_text(at, ":"), second / 60 % 60, 2);
    at = put_digits(put_text(at, ":"), second % 60, 2);
    *put_text(at, " GMT") = '\0';
}

static int month_number(const char *name)
{
    for (int i = 0; i < 12; i++) {
        if (strcmp(name, month_names[i]) == 0)
            return i + 1;
    }
    return 0;
}

struct moment {
    int year, month, day, hour, minute, second;
};

static bool moment_is_valid(const struct moment *m)
{
    return m->year >= 1970 && m->year <= 9999 && m->month >= 1 &&
           m->month <= 12 && m->day >= 1 && m->day <= 31 && m->hour >= 0 &&
           m->hour <= 23 && m->minute >= 0 && m->minute <= 59 &&
           m->second >= 0 && m->second <= 60;
}

/* Days from 1970-01-01, proleptic Gregorian, March-based years. */
static int64_t moment_days(const struct moment *m)
{
    int64_t y = m->month <= 2 ? m->year - 1 : m->year;
    int64_t shifted = (m->month + 9) % 12;
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * shifted + 2) / 5 + m->day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

/* Takes up to `most` digits, at least one; a blank may stand for a leading
 * zero, as asctime writes days. */
static bool take_number(struct span *rest, int most, int *out)
{
    int n = 0;
    *out = 0;
    if (most == 2 && rest->len > 0 && rest->ptr[0] == ' ') {
        rest->ptr++;
        rest->len--;
        most = 1;
    }
    while (n < most && rest->len > 0 && rest->ptr[0] >= '0' &&
           rest->ptr[0] <= '9') {
        *out = *out * 10 + (rest->ptr[0] - '0');
        rest->ptr++;
        rest->len--;
        n++;
    }
    return n == most;
}

static bool take_letters(struct span *rest, size_t least, size_t most,
                         char out[10])
{
    size_t n = 0;
    while (n < most && n < rest->len &&
           ((rest->ptr[n] >= 'a' && rest->ptr[n] <= 'z') ||
            (rest->ptr[n] >= 'A' && rest->ptr[n] <= 'Z'))) {
        out[n] = rest->ptr[n];
        n++;
    }
    out[n] = '\0';
    rest->ptr += n;
    rest->len -= n;
    return n >= least;
}

/* One letter of a pattern; any other stands for itself. */
static bool take_part(struct span *rest, char part, struct moment *m)
{
    char word[10];
    switch (part) {
    case 'w':
        return take_letters(rest, 3, 9, word);
    case 'b':
        m->month = take_letters(rest, 3, 3, word) ? month_number(word) : 0;
        return m->month > 0;
    case 'd':
        return take_number(rest, 2, &m->day);
    case 'H':
        return take_number(rest, 2, &m->hour);
    case 'M':
        return take_number(rest, 2, &m->minute);
    case 'S':
        return take_number(rest, 2, &m->second);
    case 'y':
        return take_number(rest, 2, &m->year);
    case 'Y':
        return take_number(rest, 4, &m->year);
    default:
        if (rest->len == 0 || rest->ptr[0] != part)
            return false;
        rest->ptr++;
        rest->len--;
        return true;
    }
}

static bool moment_match(struct span text, const char *pattern,
                         const char *ending, struct moment *m)
{
    for (const char *part = pattern; *part != '\0'; part++) {
        if (!take_part(&text, *part, m))
            return false;
    }
    return span_is(text, ending);
}

/* RFC 9110 5.6.7: IMF-fixdate, the RFC 850 form and asctime's. */
static bool moment_scan(struct span text, struct moment *m)
{
    if (moment_match(text, "w, d b Y H:M:S", " GMT", m))
        return true;
    if (moment_match(text, "w, d-b-y H:M:S", " GMT", m)) {
        m->year += m->year < 70 ? 2000 : 1900;
        return true;
    }
    return moment_match(text, "w b d H:M:S Y", "", m);
}

bool date_parse(struct span text, int64_t *out_unix_s)
{
    struct moment m = {0};
    if (!moment_scan(text, &m) || !moment_is_valid(&m))
        return false;
    *out_unix_s = moment_days(&m) * 86400 + (int64_t)m.hour * 3600 +
                  (int64_t)m.minute * 60 + m.second;
    return true;
}

/* Cuts the next entity tag off a list, without its W/. False at the end or
 * where the list is broken. */
static bool next_tag(struct span *rest, struct span *tag, bool *weak)
{
    while (rest->len > 0 && strchr(" \t,", rest->ptr[0]) != NULL) {
        rest->ptr++;
        rest->len--;
    }
    *weak = rest->len >= 2 && rest->ptr[0] == 'W' && rest->ptr[1] == '/';
    if (*weak) {
        rest->ptr += 2;
        rest->len -= 2;
    }
    if (rest->len < 2 || rest->ptr[0] != '"')
        return false;
    const char *close = memchr(rest->ptr + 1, '"', rest->len - 1);
    if (close == NULL)
        return false;
    *tag = (struct span){rest->ptr, (size_t)(close + 1 - rest->ptr)};
    rest->ptr += tag->len;
    rest->len -= tag->len;
    return true;
}

/* A strong comparison matches no tag that is marked as weak. */
static bool list_has(struct span list, const char *etag, bool strongly)
{
    struct span tag;
    bool weak;
    if (span_is(list, "*"))
        return true;
    while (next_tag(&list, &tag, &weak)) {
        if (span_is(tag, etag) && !(strongly && weak))
            return true;
    }
    return false;
}

static bool field_has(const struct field *tags, const char *etag, bool strongly)
{
    for (unsigned i = 0; i < tags->nlines; i++) {
        if (list_has(tags->line[i], etag, strongly))
            return true;
    }
    return false;
}

bool conditional_matches(const struct request *request, const char *etag,
                         int64_t modified_s)
{
    int64_t since;
    /* RFC 9110 13.1.2: weak comparison, so W/"a1" matches "a1". */
    if (request->if_none_match.nlines > 0)
        return field_has(&request->if_none_match, etag, false);
    return request->if_modified_since.len > 0 &&
           date_parse(request->if_modified_since, &since) &&
           modified_s <= since;
}

bool conditional_fails(const struct request *request, const char *etag,
                       int64_t modified_s)
{
    int64_t since;
    if (request->if_match.nlines > 0)
        return !field_has(&request->if_match, etag, true);
    return request->if_unmodified_since.len > 0 &&
           date_parse(request->if_unmodified_since, &since) &&
           modified_s > since;
}

bool conditional_asked(const struct request *request)
{
    return request->if_none_match.nlines > 0 || request->if_match.nlines > 0 ||
           request->if_modified_since.len > 0 ||
           request->if_unmodified_since.len > 0;
}
