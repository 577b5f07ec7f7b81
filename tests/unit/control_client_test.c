/* What clients ask of the engine and the way back: answers, time, a full lane, a log that waits. */
#include <criterion/criterion.h>

#include "control/client/client.h"
#include "node_rig.h"

struct desk {
    struct node_rig rig;
    struct clients *clients;
    struct principal ann, sam;
};

struct told {
    unsigned count, without;
    struct client_answered last;
};

static void on_answer(void *ctx, const struct client_answered *a)
{
    struct told *t = ctx;
    t->count++;
    if (a)
        t->last = *a;
    else
        t->without++;
}

static void applied(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    (void)first_seq;
    (void)end;
    clients_applied(ctx, b);
}

static unsigned poll_clients(void *ctx, uint64_t now_ns)
{
    return clients_poll(ctx, now_ns);
}

static void desk_open_with(struct desk *d, const char *record)
{
    memset(d, 0, sizeof *d);
    rig_open_with(&d->rig, record);
    cr_assert_eq(clients_create(&d->clients, d->rig.node, d->rig.counters, d->rig.now_ns), OK);
    replica_watch(node_replica(d->rig.node), applied, d->clients);
    d->rig.more = poll_clients;
    d->rig.more_ctx = d->clients;
    d->ann = (struct principal){.user = &d->rig.config->users[0], .tenant = 0, .roles = USER_TRADER};
    d->sam = (struct principal){.user = &d->rig.config->users[2], .tenant = 1, .roles = USER_TRADER};
    rig_run(&d->rig);
}

static void desk_open(struct desk *d)
{
    desk_open_with(d, "");
}

static void desk_close(struct desk *d)
{
    clients_destroy(d->clients);
    rig_close(&d->rig);
}

/* An RFQ; two with another reference are two bodies. */
static enum err ask_as(struct desk *d, const struct principal *p, const char *key, const char *reference,
                       struct told *t)
{
    const struct client_who who = {.principal = p, .key = key};
    union body b;
    memset(&b, 0, sizeof b);
    b.rfq.quantity = 100000000;
    b.rfq.side = SIDE_BUY;
    strcpy(b.rfq.symbol, "EURUSD");
    strcpy(b.rfq.reference, reference);
    return client_ask(d->clients, &who, BODY_RFQ, &b, NULL, on_answer, t);
}

static enum err ask(struct desk *d, const char *key, const char *reference, struct told *t)
{
    return ask_as(d, &d->ann, key, reference, t);
}

static enum err cancel(struct desk *d, uint64_t id, struct told *t)
{
    const struct client_who who = {.principal = &d->ann};
    const struct rfq rfq = {.id = id};
    union body b;
    memset(&b, 0, sizeof b);
    return client_ask(d->clients, &who, BODY_CANCEL, &b, &rfq, on_answer, t);
}

static uint64_t counter(struct desk *d, const char *name)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(d->rig.counters, i, &v); i++)
        if (strcmp(v.name, name) == 0)
            return v.value;
    return UINT64_MAX;
}

static uint64_t refusals(struct desk *d, const char *reason)
{
    struct counter_view v;
    char label[COUNTER_LABEL_SIZE];
    snprintf(label, sizeof label, "reason=\"%s\"", reason);
    for (uint32_t i = 0; counters_at(d->rig.counters, i, &v); i++)
        if (strcmp(v.name, "rfqd_client_refusals_total") == 0 && strcmp(v.label, label) == 0)
            return v.value;
    return UINT64_MAX;
}

Test(control_client, gives_each_answer_to_who_asked_with_the_state_behind_it)
{
    struct desk d;
    struct told told[3] = {0};
    desk_open(&d);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(ask(&d, NULL, "x", &told[i]), OK);
    cr_assert_eq(told[0].count, 0, "answered from inside");
    rig_run(&d.rig);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(told[i].count, 1);
        cr_assert_eq(told[i].last.reason, REASON_NONE); /* it is recorded; that no LP is there is its state */
        cr_assert_neq(told[i].last.rfq, 0);
        const struct rfq *rfq =
            distribution_rfq(replica_config(node_replica(d.rig.node))->distribution, told[i].last.rfq);
        cr_assert(rfq && rfq->state == RFQ_REJECTED);
    }
    cr_assert(told[0].last.rfq != told[1].last.rfq && told[1].last.rfq != told[2].last.rfq);
    cr_assert_eq(clients_waiting(d.clients), 0);
    cr_assert_eq(counter(&d, "rfqd_client_commands_total"), 3);
    cr_assert_eq(counter(&d, "rfqd_client_answers_total"), 3);
    desk_close(&d);
}

Test(control_client, answers_a_key_once_and_the_same_to_its_owner)
{
    struct desk d;
    struct told first = {0}, again = {0}, other = {0}, bob = {0};
    desk_open(&d);
    cr_assert_eq(ask(&d, "k", "body", &first), OK);
    cr_assert_eq(ask(&d, "k", "body", &again), OK); /* while the first is under way */
    cr_assert_eq(ask(&d, "k", "another body", &other), OK);
    cr_assert_eq(ask_as(&d, &d.sam, "k", "body", &bob), OK);
    rig_run(&d.rig);
    cr_assert(first.count == 1 && again.count == 1 && other.count == 1 && bob.count == 1);
    cr_assert(!first.last.repeated && again.last.repeated);
    cr_assert_eq(first.last.rfq, again.last.rfq);
    cr_assert_eq(other.last.reason, REASON_KEY_REUSED);
    cr_assert(!bob.last.repeated && bob.last.rfq != first.last.rfq);
    cr_assert_eq(counter(&d, "rfqd_client_repeated_total"), 1);
    desk_close(&d);
}

Test(control_client, gives_up_an_answer_that_does_not_come_and_knows_it_no_more)
{
    struct desk d;
    struct told late = {0}, next = {0};
    desk_open(&d);
    d.rig.engines_stand = true;
    cr_assert_eq(ask(&d, "k", "body", &late), OK);
    rig_pass(&d.rig, CLIENT_TIMEOUT_NS - RIG_SECOND);
    cr_assert_eq(late.count, 0);
    rig_pass(&d.rig, 2 * RIG_SECOND);
    cr_assert(late.count == 1 && late.without == 1);
    cr_assert_eq(counter(&d, "rfqd_client_timeouts_total"), 1);
    cr_assert_eq(clients_waiting(d.clients), 0);
    d.rig.engines_stand = false; /* the command is decided all the same, and its key is known */
    rig_run(&d.rig);
    cr_assert_eq(late.count, 1);
    cr_assert_eq(ask(&d, "k", "body", &next), OK);
    rig_run(&d.rig);
    cr_assert(next.count == 1 && next.last.repeated);
    desk_close(&d);
}

/* More than are taken at one time: refused with a reason, and taken again once there is room. */
Test(control_client, refuses_what_is_too_much_at_one_time)
{
    struct desk d;
    static struct told told;
    unsigned taken = 0;
    desk_open(&d);
    memset(&told, 0, sizeof told);
    d.rig.engines_stand = true;
    while (ask(&d, NULL, "x", &told) == OK)
        taken++;
    cr_assert_eq(taken, CLIENT_WAITING_MAX / 2);
    cr_assert_str_eq(clients_why(d.clients), "too many commands are under way");
    cr_assert_eq(refusals(&d, "under_way"), 1);
    cr_assert_eq(clients_waiting(d.clients), taken);
    for (; taken < CLIENT_WAITING_MAX; taken++) /* cancels go on */
        cr_assert_eq(cancel(&d, 1, &told), OK);
    cr_assert_eq(cancel(&d, 1, &told), ERR_FULL);
    d.rig.engines_stand = false;
    rig_pass(&d.rig, RIG_SECOND / 2);
    cr_assert_eq(told.count, taken);
    cr_assert_eq(told.without, 0);
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    desk_close(&d);
}

/* What was given up still lies in the lane: that fills it, and is refused there. */
Test(control_client, refuses_what_the_lane_has_no_room_for)
{
    struct desk d;
    static struct told told;
    enum err e = OK;
    desk_open(&d);
    memset(&told, 0, sizeof told);
    d.rig.engines_stand = true;
    for (unsigned round = 0; e == OK && round < 100; round++) {
        while ((e = ask(&d, NULL, "x", &told)) == OK)
            ;
        if (strcmp(clients_why(d.clients), "too many commands are under way") == 0)
            e = OK;
        rig_pass(&d.rig, CLIENT_TIMEOUT_NS + RIG_SECOND);
    }
    cr_assert_eq(e, ERR_FULL);
    cr_assert_not_null(strstr(clients_why(d.clients), "more to do than it can"));
    cr_assert_eq(cancel(&d, 1, &told), OK);
    desk_close(&d);
}

Test(control_client, takes_nothing_while_the_log_has_no_room_on_its_disk)
{
    struct desk d;
    static struct told told;
    desk_open(&d);
    memset(&told, 0, sizeof told);
    disk_sim_set_capacity(d.rig.disk, disk_sim_used(d.rig.disk));
    for (unsigned i = 0; i < 100 && !log_stalled(node_log(d.rig.node)); i++) {
        for (unsigned n = 0; n < 100; n++)
            if (ask(&d, NULL, "x", &told) != OK)
                break;
        rig_run(&d.rig);
    }
    cr_assert_not_null(log_stalled(node_log(d.rig.node)));
    cr_assert_eq(ask(&d, NULL, "x", &told), ERR_FULL);
    cr_assert_str_eq(clients_why(d.clients), log_stalled(node_log(d.rig.node)));
    cr_assert_eq(cancel(&d, 1, &told), OK);
    disk_sim_set_capacity(d.rig.disk, UINT64_MAX);
    rig_pass(&d.rig, 5 * RIG_SECOND);
    cr_assert_null(log_stalled(node_log(d.rig.node)));
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    desk_close(&d);
}

/* Refused with the reason while the replica cannot tell what was decided; cancels go on. */
static void expect_refused(struct desk *d, const char *reason, const char *why)
{
    static struct told told;
    uint64_t before = refusals(d, reason);
    cr_assert_neq(before, UINT64_MAX, "%s", reason);
    cr_assert_eq(ask(d, NULL, "x", &told), ERR_FULL);
    cr_assert_not_null(strstr(clients_why(d->clients), why), "%s", clients_why(d->clients));
    cr_assert_eq(refusals(d, reason), before + 1);
    cr_assert_eq(cancel(d, 1, &told), OK);
}

Test(control_client, takes_nothing_once_the_state_differs_from_the_engine_s)
{
    struct desk d;
    static struct told told;
    struct replica *r;
    desk_open_with(&d, ", digest_every_batches: 1");
    r = node_replica(d.rig.node);
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    rig_run(&d.rig);
    cr_assert_eq(told.count, 1);
    replica_config(r)->distribution->base.marks.batches++; /* the digest is over that, too */
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    rig_run(&d.rig);
    cr_assert_not_null(replica_divergence(r));
    cr_assert_eq(replica_standing(r), REPLICA_DIFFERS);
    expect_refused(&d, "state_differs", "is not the engine's");
    desk_close(&d);
}

Test(control_client, takes_nothing_while_the_state_is_far_behind_the_log)
{
    struct desk d;
    static struct told told;
    struct replica *r;
    desk_open(&d);
    r = node_replica(d.rig.node);
    d.rig.replica_stands = true;
    for (unsigned i = 0; i < 1000 && replica_lag(r) <= REPLICA_LAG_MAX; i++) {
        for (unsigned n = 0; n < CLIENT_WAITING_MAX / 2 && replica_lag(r) <= REPLICA_LAG_MAX; n++)
            cr_assert_eq(ask(&d, NULL, "x", &told), OK, "%s", clients_why(d.clients));
        rig_pass(&d.rig, CLIENT_TIMEOUT_NS + RIG_SECOND);
    }
    cr_assert_gt(replica_lag(r), REPLICA_LAG_MAX);
    cr_assert_eq(replica_standing(r), REPLICA_BEHIND);
    expect_refused(&d, "state_behind", "too far behind");
    d.rig.replica_stands = false;
    rig_pass(&d.rig, RIG_SECOND);
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    desk_close(&d);
}

/* Rows pile up in both buffers, and then nothing is applied. */
Test(control_client, takes_nothing_while_the_store_has_no_room_for_what_there_is)
{
    struct desk d;
    static struct told told;
    struct replica *r;
    desk_open(&d);
    r = node_replica(d.rig.node);
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    rig_run(&d.rig);
    store_memory_limit(d.rig.kept, 1);
    for (unsigned i = 0; i < 1000 && replica_standing(r) == REPLICA_FOLLOWS; i++) {
        for (unsigned n = 0; n < CLIENT_WAITING_MAX / 2; n++) /* each is refused, and has its rows */
            cr_assert_eq(cancel(&d, told.last.rfq, &told), OK);
        rig_run(&d.rig);
    }
    cr_assert_eq(replica_standing(r), REPLICA_FULL);
    cr_assert_null(log_stalled(node_log(d.rig.node)));
    expect_refused(&d, "store_full", "the store takes no more");
    store_memory_limit(d.rig.kept, 0);
    rig_pass(&d.rig, 5 * RIG_SECOND);
    cr_assert_eq(replica_standing(r), REPLICA_FOLLOWS);
    cr_assert_eq(ask(&d, NULL, "x", &told), OK);
    desk_close(&d);
}

Test(control_client, does_not_know_a_user_that_is_no_taker)
{
    struct desk d;
    struct told told = {0};
    struct config_user eve = {.name = "eve", .tenant = "north", .role = USER_TRADER};
    struct principal p = {.user = &eve, .roles = USER_TRADER};
    desk_open(&d);
    cr_assert_eq(ask_as(&d, &p, NULL, "x", &told), ERR_NOT_FOUND);
    desk_close(&d);
}

Test(control_client, does_not_call_who_has_gone)
{
    struct desk d;
    struct told gone = {0}, stays = {0};
    desk_open(&d);
    cr_assert_eq(ask(&d, NULL, "x", &gone), OK);
    cr_assert_eq(ask(&d, NULL, "x", &stays), OK);
    clients_forget(d.clients, &gone);
    rig_run(&d.rig);
    cr_assert(gone.count == 0 && stays.count == 1);
    cr_assert_eq(clients_waiting(d.clients), 0);
    desk_close(&d);
}
