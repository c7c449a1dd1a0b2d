#include "server/conditional.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

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

void date_format(int64_t unix_s, char out[DATE_NBYTES])
{
    static const int64_t last_second = 253402300799; /* of the year 9999 */
    struct tm tm;
    time_t when = (time_t)(unix_s < 0             ? 0
                           : unix_s > last_second ? last_second
                                                  : unix_s);
    if (gmtime_r(&when, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    (void)snprintf(out, DATE_NBYTES, "%s, %02u %s %04u %02u:%02u:%02u GMT",
                   day_names[tm.tm_wday % 7], (unsigned)tm.tm_mday % 100,
                   month_names[tm.tm_mon % 12],
                   ((unsigned)tm.tm_year + 1900) % 10000,
                   (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                   (unsigned)tm.tm_sec % 100);
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

/* RFC 9110 5.6.7: IMF-fixdate, the RFC 850 form and asctime's. */
static bool moment_scan(const char *text, struct moment *m)
{
    char month[4] = "";
    int end = 0;
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
               &m->day, month, &m->year, &m->hour, &m->minute, &m->second,
               &end) == 6 &&
        end > 0 && text[end] == '\0') {
        m->month = month_number(month);
        return true;
    }
    if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n",
               &m->day, month, &m->year, &m->hour, &m->minute, &m->second,
               &end) == 6 &&
        end > 0 && text[end] == '\0') {
        m->month = month_number(month);
        m->year += m->year < 70 ? 2000 : 1900;
        return true;
    }
    end = 0;
    bool got = sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n",
                      month, &m->day, &m->hour, &m->minute, &m->second,
                      &m->year, &end) == 6 &&
               end > 0 && text[end] == '\0';
    m->month = month_number(month);
    return got;
}

bool date_parse(struct span text, int64_t *out_unix_s)
{
    char copy[48];
    struct moment m = {0};
    if (!span_copy(text, copy, sizeof(copy)) || !moment_scan(copy, &m) ||
        !moment_is_valid(&m))
        return false;
    *out_unix_s = moment_days(&m) * 86400 + (int64_t)m.hour * 3600 +
                  (int64_t)m.minute * 60 + m.second;
    return true;
}

/* Cuts the next entity tag off a list, without its W/, which the weak
 * comparison ignores. False at the end or where the list is broken. */
static bool next_tag(struct span *rest, struct span *tag)
{
    while (rest->len > 0 && strchr(" \t,", rest->ptr[0]) != NULL) {
        rest->ptr++;
        rest->len--;
    }
    if (rest->len >= 2 && rest->ptr[0] == 'W' && rest->ptr[1] == '/') {
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

static bool list_has(struct span list, const char *etag)
{
    struct span tag;
    if (span_is(list, "*"))
        return true;
    while (next_tag(&list, &tag)) {
        if (span_is(tag, etag))
            return true;
    }
    return false;
}

bool conditional_matches(const struct request *request, const char *etag,
                         int64_t modified_s)
{
    const struct field *tags = &request->if_none_match;
    int64_t since;
    for (unsigned i = 0; i < tags->nlines; i++) {
        /* RFC 9110 13.1.2: weak comparison, so W/"a1" matches "a1". */
        if (list_has(tags->line[i], etag))
            return true;
    }
    if (tags->nlines > 0)
        return false;
    return request->if_modified_since.len > 0 &&
           date_parse(request->if_modified_since, &since) &&
           modified_s <= since;
}

bool conditional_asked(const struct request *request)
{
    return request->if_none_match.nlines > 0 ||
           request->if_modified_since.len > 0;
}
