/* negotiate.h - which content encoding a client is sent (RFC 9110 12.5.3). */
#ifndef IBX_SERVER_NEGOTIATE_H
#define IBX_SERVER_NEGOTIATE_H

#include "pack/imbrex.h"
#include "server/request.h"

enum send_as {
    SEND_STORED,        /* as it is stored */
    SEND_DECODED,       /* stored with gzip, sent without */
    SEND_NOT_ACCEPTABLE /* stored with an encoding that we cannot undo */
};

/* How bytes stored with `stored` are sent to a client with this
 * Accept-Encoding. A client that sent none gets no encoding. When nothing is
 * acceptable, what can be sent without encoding is sent so all the same. */
enum send_as negotiate(const struct field *accept_encoding,
                       enum ibx_encoding stored);

/* True when the client takes gzip at least as gladly as plain bytes. */
bool negotiate_gzip(const struct field *accept_encoding);

#endif
