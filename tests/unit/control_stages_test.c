/* Stages measured from stamps, batch by batch as the log has them. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "control/replica/stages.h"

/* A batch under construction, and states that hold what the stages look up. */
struct rig {
    struct stages stages;
    struct distribution_state distribution;
    struct routing_state routing;
    _Alignas(8) char bytes[8192];
};

static struct rig *make(void)
{
    struct rig *r = calloc(1, sizeof *r);
    stages_reset(&r->stages);
    cr_assert_eq(table_create(&r->distribution.deliveries, "deliveries", 8, sizeof(struct delivery),
                              offsetof(struct delivery, transient), false),
                 OK);
    cr_assert_eq(table_create(&r->routing.orders, "orders", 8, sizeof(struct order),
                              offsetof(struct order, transient), false),
                 OK);
    return r;
}

static void end(struct rig *r)
{
    stages_free(&r->stages);
    table_destroy(r->distribution.deliveries);
    table_destroy(r->routing.orders);
    free(r);
}

static struct batch *begin(struct rig *r, uint8_t agent, uint8_t cause_agent, uint64_t time_ns,
                           uint64_t cause_time_ns, uint64_t origin_time_ns)
{
    struct batch *b = (void *)r->bytes;
    memset(r->bytes, 0, sizeof r->bytes);
    *b = (struct batch){.size = sizeof *b,
                        .agent = agent,
                        .cause_agent = cause_agent,
                        .time_ns = time_ns,
                        .cause_time_ns = cause_time_ns,
                        .origin_time_ns = origin_time_ns};
    return b;
}

static void *add(struct batch *b, uint16_t type, uint32_t size)
{
    struct record *rec = (struct record *)(void *)((char *)b + b->size);
    rec->size = size;
    rec->type = type;
    rec->time_ns = b->time_ns;
    b->size += size;
    b->count++;
    return rec;
}

static void measure(struct rig *r)
{
    stages_measure(&r->stages, (void *)r->bytes, &r->distribution, &r->routing);
}

static void send(struct rig *r, uint64_t rfq, uint32_t ref_kind, uint64_t time_ns)
{
    struct batch *b = begin(r, AGENT_GATEWAY, AGENT_DISTRIBUTION, time_ns, 1000, 900);
    struct gateway_out *out = add(b, RECORD_GATEWAY_OUT, sizeof *out);
    out->out.rfq = rfq;
    out->out.ref_kind = ref_kind;
    measure(r);
}

static const struct histogram *stage(const struct rig *r, enum stage s)
{
    return &r->stages.histograms[s];
}

Test(control_stages, of_a_decision_begin_with_the_frame)
{
    struct rig *r = make();
    begin(r, AGENT_ROUTING, AGENT_GATEWAY, 5500, 5000, 5000);
    measure(r);
    begin(r, AGENT_ROUTING, AGENT_DISTRIBUTION, 9000, 8000, 5000); /* not from a frame */
    measure(r);
    cr_assert_eq(stage(r, STAGE_IN_TO_DECISION)->count, 1);
    cr_assert_eq(stage(r, STAGE_IN_TO_DECISION)->max, 500);
    end(r);
}

Test(control_stages, of_a_message_begin_with_its_decision_and_with_the_frame)
{
    struct rig *r = make();
    send(r, 0, REF_NONE, 1300);
    cr_assert_eq(stage(r, STAGE_DECISION_TO_OUT)->max, 300);
    cr_assert_eq(stage(r, STAGE_IN_TO_OUT)->max, 400);
    struct batch *b = begin(r, AGENT_GATEWAY, AGENT_DISTRIBUTION, 5000, 1000, 900); /* sent again: no stage */
    struct gateway_out *out = add(b, RECORD_GATEWAY_OUT, sizeof *out);
    out->resend_of = 4;
    measure(r);
    b = begin(r, AGENT_GATEWAY, AGENT_NONE, 6000, 0, 0); /* a heartbeat: neither */
    out = add(b, RECORD_GATEWAY_OUT, sizeof *out);
    out->admin = 1;
    measure(r);
    cr_assert_eq(stage(r, STAGE_DECISION_TO_OUT)->count, 1);
    cr_assert_eq(stage(r, STAGE_IN_TO_OUT)->count, 1);
    end(r);
}

static void released(struct rig *r, uint32_t count, uint64_t first_ns, uint64_t last_ns)
{
    struct batch *b = begin(r, AGENT_GATEWAY, AGENT_NONE, 900, 0, 0);
    struct gateway_released *ev = add(b, RECORD_GATEWAY_RELEASED, sizeof *ev);
    ev->count = count;
    ev->first_ns = first_ns;
    ev->last_ns = last_ns;
    measure(r);
}

Test(control_stages, of_a_release_span_what_was_given_to_the_network_at_once)
{
    struct rig *r = make();
    released(r, 1, 1000, 5000);
    cr_assert_eq(stage(r, STAGE_RELEASE_SPREAD)->count, 0, "one LP is no spread");
    released(r, 3, 2000, 2250);
    cr_assert_eq(stage(r, STAGE_RELEASE_SPREAD)->count, 1);
    cr_assert_eq(stage(r, STAGE_RELEASE_SPREAD)->max, 250);
    end(r);
}

Test(control_stages, of_a_quote_begin_with_its_release_and_of_a_fill_with_its_order)
{
    struct rig *r = make();
    struct delivery *d = table_insert(r->distribution.deliveries, 5);
    struct order *o = table_insert(r->routing.orders, 6);
    d->released_ns = 1000;
    o->released_ns = 2000;
    struct batch *b = begin(r, AGENT_DISTRIBUTION, AGENT_GATEWAY, 1700, 1600, 1600);
    struct quote_added *quote = add(b, RECORD_QUOTE_ADDED, sizeof *quote);
    quote->delivery = 5;
    measure(r);
    b = begin(r, AGENT_ROUTING, AGENT_GATEWAY, 2950, 2900, 2900);
    struct order_filled *fill = add(b, RECORD_ORDER_FILLED, sizeof *fill);
    fill->order = 6;
    measure(r);
    cr_assert_eq(stage(r, STAGE_RFQ_TO_QUOTE)->max, 600);
    cr_assert_eq(stage(r, STAGE_ORDER_TO_FILL)->max, 900);
    b = begin(r, AGENT_ROUTING, AGENT_GATEWAY, 2950, 1000,
              1000); /* a clock that went back: nothing below zero */
    fill = add(b, RECORD_ORDER_FILLED, sizeof *fill);
    fill->order = 6;
    measure(r);
    cr_assert_eq(stage(r, STAGE_ORDER_TO_FILL)->count, 2);
    cr_assert_eq(stage(r, STAGE_ORDER_TO_FILL)->max, 900);
    end(r);
}

static const struct histogram *of_session(const struct rig *r, uint32_t session, enum stage s)
{
    return r->stages.of_session[session][s];
}

Test(control_stages, are_kept_by_session_too_of_what_it_was_sent_and_of_what_its_lp_did)
{
    struct rig *r = make();
    for (unsigned i = 0; i < 3; i++) {
        struct batch *b = begin(r, AGENT_GATEWAY, AGENT_DISTRIBUTION, 1300 + i, 1000, 900);
        struct gateway_out *out = add(b, RECORD_GATEWAY_OUT, sizeof *out);
        out->head.session = i == 2 ? 8 : 7;
        measure(r);
    }
    cr_assert_eq(stage(r, STAGE_IN_TO_OUT)->count, 3);
    cr_assert_eq(of_session(r, 7, STAGE_IN_TO_OUT)->count, 2);
    cr_assert_eq(of_session(r, 7, STAGE_DECISION_TO_OUT)->max, 301);
    cr_assert_eq(of_session(r, 8, STAGE_DECISION_TO_OUT)->min, 302);
    cr_assert_null(of_session(r, 9, STAGE_IN_TO_OUT));
    struct delivery *d = table_insert(r->distribution.deliveries, 5);
    struct order *o = table_insert(r->routing.orders, 6);
    *d = (struct delivery){.id = 5, .session = 9, .released_ns = 1000};
    *o = (struct order){.id = 6, .lp_session = SESSIONS_MAX - 1, .released_ns = 2000};
    struct batch *b = begin(r, AGENT_DISTRIBUTION, AGENT_GATEWAY, 1700, 1600, 1600);
    struct quote_added *quote = add(b, RECORD_QUOTE_ADDED, sizeof *quote);
    quote->delivery = 5;
    measure(r);
    b = begin(r, AGENT_ROUTING, AGENT_GATEWAY, 2950, 2900, 2900);
    struct order_filled *fill = add(b, RECORD_ORDER_FILLED, sizeof *fill);
    fill->order = 6;
    measure(r);
    cr_assert_eq(of_session(r, 9, STAGE_RFQ_TO_QUOTE)->max, 600);
    cr_assert_eq(of_session(r, SESSIONS_MAX - 1, STAGE_ORDER_TO_FILL)->max, 900);
    o->lp_session = SESSION_NONE; /* it has none any more: of the house only */
    measure(r);
    cr_assert_eq(stage(r, STAGE_ORDER_TO_FILL)->count, 2);
    stages_reset(&r->stages);
    cr_assert_eq(of_session(r, 9, STAGE_RFQ_TO_QUOTE)->count, 0);
    end(r);
}
