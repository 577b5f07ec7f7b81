/* Errors: one enum for every fallible call of the house.
 *
 * A function that can fail returns `enum err` and is WARN_UNUSED; one that cannot is void; a burst function
 * returns a count. An error names a cause, never a place: the caller knows the place and says it.
 */
#ifndef RFQD_CORE_ERR_H
#define RFQD_CORE_ERR_H

#define WARN_UNUSED __attribute__((warn_unused_result))

#define ERR_LIST(X)                                                                       \
    X(OK, "no error")                                                                     \
    X(ERR_FULL, "no room: a bounded thing is full; try again after its reader has moved") \
    X(ERR_LIMIT, "a configured or compiled limit is exceeded")                            \
    X(ERR_RANGE, "a number is out of range")                                              \
    X(ERR_SYNTAX, "the text is not of the form required")                                 \
    X(ERR_NOT_FOUND, "no such thing")                                                     \
    X(ERR_EXISTS, "it exists already")                                                    \
    X(ERR_STATE, "not possible in the present state")                                     \
    X(ERR_VERSION, "written by a newer version than this program knows")                  \
    X(ERR_CORRUPT, "stored bytes do not match their checksum or their structure")         \
    X(ERR_STALE, "belongs to another instance or another boot")                           \
    X(ERR_MEMORY, "memory could not be had")                                              \
    X(ERR_IO, "the operating system refused: errno has the cause")                        \
    X(ERR_CLOSED, "the other side is gone")

enum err {
#define X(name, text) name,
    ERR_LIST(X)
#undef X
};

/* The sentence for an error. Never NULL. */
const char *err_text(enum err e);

#endif
