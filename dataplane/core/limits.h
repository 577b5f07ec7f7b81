/* Every limit of the house, by name, with its unit last. The relations between them are asserted here, so
 * that no two of them can drift apart unseen. What is configuration has its compiled ceiling here.
 */
#ifndef RFQD_CORE_LIMITS_H
#define RFQD_CORE_LIMITS_H

#include <assert.h>

/* Agents, lanes and rings (dataplane/ring). */
#define AGENTS_MAX        16 /* ids 0..15; a record names its writer and its addressee in one byte each */
#define GATEWAYS_MAX      12
#define LANES_MAX         4                    /* subjects by which one agent receives */
#define BATCH_RECORDS_MAX 256                  /* records of one decision */
#define BATCH_SIZE_MAX    (512u * 1024u)       /* bytes of one decision, header included */
#define RECORD_SIZE_MAX   (80u * 1024u)        /* one record: a FIX message and its header */
#define RING_SIZE_MIN     (2u * 1024u * 1024u) /* tests and simulation */
#define RING_SIZE_ENGINE  (256u * 1024u * 1024u)
#define LANE_SIZE_MIN     (1u * 1024u * 1024u)
#define LANE_SIZE         (8u * 1024u * 1024u)
#define POLL_ITEMS_MAX    32 /* messages taken from one lane or one connection in one poll */

/* FIX. */
#define FIX_MESSAGE_SIZE_MAX 65536u
#define FIX_FIELDS_MAX       4096u
/* Messages of one session that came before their turn and wait for a gap to close: how many numbers they may
 * span, and their bytes. What does not fit is dropped and asked for again. */
#define FIX_KEPT_MAX  256
#define FIX_KEPT_SIZE 131072u
/* Outgoing numbers of one session that may leave before the first of them is durable, and so what a power cut
 * makes us skip in each. A session that gets so far ahead of a slow disk waits. */
#define OUT_NUMBERS_AHEAD_MAX 4096
/* From here on a taker is read no further while it asks for something new: the rest is for executions, answers
 * to cancels and the session itself, however long the disk takes. */
#define OUT_NUMBERS_ASKING_MAX (OUT_NUMBERS_AHEAD_MAX / 4 * 3)

/* The model. */
#define SESSIONS_MAX    1024 /* FIX sessions, takers and LPs together */
#define LPS_MAX         256
#define INSTRUMENTS_MAX 4096
#define RFQ_LPS_MAX     64    /* LPs that one RFQ is released to */
#define RFQ_QUOTES_MAX  64    /* quotes that stand on one RFQ: one per LP */
#define CLIENT_KEYS_MAX 65536 /* Idempotency-Keys that are remembered: the newest */
#define ID_TEXT_SIZE    40    /* ClOrdID, QuoteReqID, QuoteID, CompID: 39 characters, zero padded */
#define CODE_SIZE       24    /* of LPs, takers, users, tenants, teams: 20 characters, zero padded */
#define SYMBOL_SIZE     16    /* 15 characters, zero padded */
#define TEXT_SIZE       80    /* reasons that people read, zero padded */
#define DECISION_ENTITIES_MAX \
    160 /* things that one decision touches: an RFQ, its deliveries, quotes and LPs */

static_assert(AGENTS_MAX >= GATEWAYS_MAX + 4, "gateways, distribution, routing, control and nobody");
static_assert(RECORD_SIZE_MAX >= FIX_MESSAGE_SIZE_MAX + 1024, "a record holds a whole FIX message");
static_assert(FIX_KEPT_SIZE >= FIX_MESSAGE_SIZE_MAX, "any message can be kept");
static_assert(BATCH_SIZE_MAX >= 2 * RECORD_SIZE_MAX, "a batch holds a whole record and its answer");
static_assert(RING_SIZE_MIN >= 4 * BATCH_SIZE_MAX, "a ring holds the largest batch with room for the next");
static_assert(LANE_SIZE_MIN >= 2 * BATCH_SIZE_MAX, "a lane holds all that one decision addresses to it");
static_assert(RFQ_QUOTES_MAX >= RFQ_LPS_MAX, "each LP asked can have a quote standing");
static_assert(DECISION_ENTITIES_MAX >= 2 * RFQ_LPS_MAX + 2,
              "ending an RFQ touches its deliveries and quotes");
static_assert(BATCH_RECORDS_MAX >= 3 * RFQ_LPS_MAX + 16,
              "ending an RFQ tells every LP and archives every quote");

#endif
