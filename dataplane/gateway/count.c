#include <stdio.h>

#include "dataplane/gateway/inside.h"

/* Slots, and by MsgType the slot + 1; 0: other. */
static const char *const LABELS[TYPE_SLOTS] = {"admin", "R", "AJ", "Z", "D", "F", "S",    "AG",
                                               "AI",    "b", "8",  "9", "j", "H", "other"};
static const uint8_t SLOTS[TRANSLATE_KINDS] = {
    ['0'] = 1,       ['1'] = 1,       ['2'] = 1,  ['3'] = 1,  ['4'] = 1,  ['5'] = 1,  ['A'] = 1,
    ['R'] = 2,       [128 + 'J'] = 3, ['Z'] = 4,  ['D'] = 5,  ['F'] = 6,  ['S'] = 7,  [128 + 'G'] = 8,
    [128 + 'I'] = 9, ['b'] = 10,      ['8'] = 11, ['9'] = 12, ['j'] = 13, ['H'] = 14,
};

unsigned count_slot(uint32_t kind)
{
    unsigned slot = SLOTS[translate_kind_index(kind)];
    return slot ? slot - 1 : TYPE_SLOTS - 1;
}

void count_unsent(struct channel *ch, uint32_t reason)
{
    enum gateway_unsent_slot slot = reason == REASON_SESSION_DOWN ? UNSENT_SESSION_DOWN
                                    : reason == REASON_STALE      ? UNSENT_STALE
                                    : reason == REASON_LOST       ? UNSENT_LOST
                                    : reason == REASON_LIMIT      ? UNSENT_LIMIT
                                                                  : UNSENT_OTHER;
    counter_add(ch->count.unsent[slot], 1);
}

static counter_value *session_counter(struct counters *c, const struct channel *ch, enum counter_kind kind,
                                      const char *name, const char *more, const char *value)
{
    char label[COUNTER_LABEL_SIZE];
    if (more)
        snprintf(label, sizeof label, "session=\"%s\",%s=\"%s\"", ch->config.name, more, value);
    else
        snprintf(label, sizeof label, "session=\"%s\"", ch->config.name);
    return counter_new(c, kind, name, label);
}

static void channel_counters(struct counters *c, struct channel *ch)
{
    static const char *const reasons[UNSENT_SLOTS] = {"session_down", "stale", "lost", "limit", "other"};
    static const char *const shortages[BUSY_SLOTS] = {
        [BUSY_LOG] = "log", [BUSY_RING] = "ring", [BUSY_LANE] = "lane"};
    struct channel_counters *n = &ch->count;
    for (unsigned i = 0; i < TYPE_SLOTS; i++) {
        n->received[i] = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_received_total", "type", LABELS[i]);
        n->sent[i] = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_sent_total", "type", LABELS[i]);
    }
    for (unsigned i = 0; i < UNSENT_SLOTS; i++)
        n->unsent[i] = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_unsent_total", "reason", reasons[i]);
    for (unsigned i = 0; i < BUSY_SLOTS; i++)
        n->busy[i] = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_busy_total", "reason", shortages[i]);
    n->rejected = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_rejected_total", NULL, NULL);
    n->garbled = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_garbled_total", NULL, NULL);
    n->gaps = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_gaps_total", NULL, NULL);
    n->too_low = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_too_low_total", NULL, NULL);
    n->duplicates = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_duplicates_total", NULL, NULL);
    n->faults = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_faults_total", NULL, NULL);
    n->kept = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_kept_total", NULL, NULL);
    n->no_room = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_kept_no_room_total", NULL, NULL);
    n->resends = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_resend_requests_total", NULL, NULL);
    n->resent = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_resent_total", NULL, NULL);
    n->forgotten = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_forgotten_total", NULL, NULL);
    n->logons = session_counter(c, ch, COUNTER_TOTAL, "rfqd_fix_logons_total", NULL, NULL);
    n->up = session_counter(c, ch, COUNTER_GAUGE, "rfqd_fix_session_up", NULL, NULL);
}

void count_create(struct gateway *g, struct counters *counters)
{
    static const char *const refusals[REFUSED_SLOTS] = {
        [REFUSED_UNKNOWN] = "unknown_comp_id",   [REFUSED_LIVE] = "session_is_live",
        [REFUSED_NOT_LOGON] = "not_a_logon",     [REFUSED_SILENT] = "silent",
        [REFUSED_CROWDED] = "crowded",           [REFUSED_STOPPING] = "stopping",
        [REFUSED_TOO_LONG] = "message_too_long",
    };
    char label[COUNTER_LABEL_SIZE];
    for (uint32_t i = 0; i < g->channel_count; i++)
        channel_counters(counters, &g->channels[i]);
    for (unsigned i = 0; i < REFUSED_SLOTS; i++) {
        snprintf(label, sizeof label, "gateway=\"%u\",reason=\"%s\"", g->config.agent - AGENT_GATEWAY,
                 refusals[i]);
        g->refused[i] = counter_new(counters, COUNTER_TOTAL, "rfqd_fix_refused_total", label);
    }
    snprintf(label, sizeof label, "gateway=\"%u\"", g->config.agent - AGENT_GATEWAY);
    g->connections_total = counter_new(counters, COUNTER_TOTAL, "rfqd_fix_connections_total", label);
    g->ring_waits = counter_new(counters, COUNTER_TOTAL, "rfqd_gateway_ring_waits_total", label);
    g->lane_waits = counter_new(counters, COUNTER_TOTAL, "rfqd_gateway_lane_waits_total", label);
    g->number_waits = counter_new(counters, COUNTER_TOTAL, "rfqd_gateway_number_waits_total", label);
    g->notices.lost = counter_new(counters, COUNTER_TOTAL, "rfqd_gateway_notices_lost_total", label);
    g->unknown_sessions = counter_new(counters, COUNTER_TOTAL, "rfqd_gateway_unknown_sessions_total", label);
}
