/* refusal.h - why a request is not answered with what it asks for. The
 * statuses that stand for them are the reply module's. */
#ifndef IBX_SERVER_REFUSAL_H
#define IBX_SERVER_REFUSAL_H

enum refusal {
    REFUSAL_NONE,
    REFUSAL_SYNTAX,
    REFUSAL_NOT_FOUND,
    REFUSAL_METHOD,      /* only GET, HEAD and OPTIONS */
    REFUSAL_METHOD_POST, /* only POST */
    REFUSAL_ENCODING,    /* no encoding of it is acceptable */
    REFUSAL_GONE,        /* a pinned generation that is no more */
    REFUSAL_CHANGED,     /* not what If-Match or If-Unmodified-Since names */
    REFUSAL_BODY,        /* requests have no bodies here */
    REFUSAL_TARGET_LONG,
    REFUSAL_HEAD_LARGE,
    REFUSAL_RATE,
    REFUSAL_HOST,       /* a host that is not in allowed_hosts */
    REFUSAL_ORIGIN,     /* a page of another origin asks to reload */
    REFUSAL_UNREADABLE, /* the tile cannot be read or verified now */
    REFUSAL_TOO_LARGE,  /* larger than the budget for bodies */
    REFUSAL_BUSY,       /* a cap stayed reached */
    REFUSAL_DRAINING,
    REFUSAL_NOT_READY,
    REFUSAL_COUNT
};

#endif
