/* The opening handshake's answer (RFC 6455, 4.2.2). Apart from the rest, because OpenSSL's headers have a
 * name of ours, ERR_STATE.
 */
#ifndef RFQD_CONTROL_WS_HANDSHAKE_H
#define RFQD_CONTROL_WS_HANDSHAKE_H

#define HANDSHAKE_KEY_SIZE    24 /* characters of Sec-WebSocket-Key */
#define HANDSHAKE_ACCEPT_SIZE 32 /* room for Sec-WebSocket-Accept */

/* key: HANDSHAKE_KEY_SIZE characters. */
void ws_handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE]);

#endif
