/* What the log says: `events`, and the FIX messages of one session. Each request has a reader of its own,
 * which shows only what is durable. What the log has is read on a thread, because it may have to come from
 * the disk; then the reader is close behind the log's end, whose pages are in memory, and is moved on a
 * bounded piece a poll: for what was not durable yet, and with --follow for what comes.
 */
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/core/text.h"
#include "dataplane/model/describe.h"
#include "dataplane/model/record_rfq.h"
#include "fix/dict.h"
#include "fix/msg.h"

#define FRAMES_PER_STEP 256u
#define ROW_TEXT_SIZE   (8u * RECORD_SIZE_MAX)

enum direction { EITHER_WAY, ONLY_IN, ONLY_OUT };

struct reading {
    struct log_reader *reader;
    uint64_t from, end; /* log offsets; end UINT64_MAX: it follows */
    uint64_t from_seq;  /* 0: by offset */
    bool follow;
    unsigned type; /* of record; 0: all */
    uint64_t rfq;  /* 0: all */

    bool fix; /* messages of one session, instead of records */
    uint32_t session, message_type;
    enum direction direction;
    char session_name[ID_TEXT_SIZE];
    struct fix_msg message;
    char text[ROW_TEXT_SIZE];
};

/* Records
 * -----------------------------------------------------------------------------------------------------------
 */

static void record_row(struct ops_request *r, const struct batch *b, const struct record *rec, uint64_t seq)
{
    struct reading *x = r->going;
    json_open(r->out, NULL, '{');
    json_uint(r->out, "seq", seq);
    json_time(r->out, "time", rec->time_ns);
    json_text(r->out, "agent", agent_name(b->agent));
    json_text(r->out, "type", record_type_name(rec->type));
    json_name(r->out, "rfq", 'R', record_rfq(rec));
    describe_record_text(rec, x->text, sizeof x->text);
    json_chars(r->out, "text", x->text, sizeof x->text);
    size_t size = describe_record(rec, x->text, sizeof x->text);
    if (size < sizeof x->text)
        json_raw(r->out, "record", x->text, size);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool is_wanted(const struct reading *x, const struct record *rec)
{
    return (!x->type || rec->type == x->type) && (!x->rfq || record_rfq(rec) == x->rfq);
}

/* FIX messages
 * ------------------------------------------------------------------------------------------------------ */

static const char *tag_name(uint32_t tag, char out[16])
{
    if (tag < FIX_DICT_TAGS && fix_dict_tag_names[tag])
        return fix_dict_tag_names[tag];
    struct text t = text_in(out, 16);
    text_add_number(&t, tag);
    return out;
}

/* Of the header and trailer nothing is new to who reads a session's log; the fields have it all. */
static bool is_envelope(uint32_t tag)
{
    return tag == 8 || tag == 9 || tag == 10 || tag == 34 || tag == 35 || tag == 49 || tag == 52 || tag == 56;
}

static void fields_out(struct ops_request *r, struct reading *x)
{
    char number[16];
    struct text t = text_in(x->text, sizeof x->text);
    json_open(r->out, "fields", '[');
    for (uint32_t i = 0; i < x->message.count; i++) {
        const struct fix_field *f = &x->message.fields[i];
        const char *name = tag_name(f->tag, number), *value = fix_value(&x->message, f);
        const char *meaning = fix_dict_meaning(f->tag, value, f->size);
        json_open(r->out, NULL, '{');
        json_uint(r->out, "tag", f->tag);
        json_text(r->out, "name", name);
        json_chars(r->out, "value", value, f->size);
        if (meaning)
            json_text(r->out, "meaning", meaning);
        json_close(r->out, '}');
        if (is_envelope(f->tag))
            continue;
        text_add(&t, text_length(&t) ? " " : "");
        text_add(&t, name);
        text_add(&t, "=");
        text_add_bytes(&t, value, f->size);
        if (meaning) {
            text_add(&t, "(");
            text_add(&t, meaning);
            text_add(&t, ")");
        }
    }
    json_close(r->out, ']');
    json_chars(r->out, "text", x->text, sizeof x->text);
}

static void message_row(struct ops_request *r, uint64_t seq, const struct record *rec, const char *way,
                        uint64_t number, const char *bytes, uint32_t size, bool again)
{
    struct reading *x = r->going;
    bool parsed = fix_parse(&x->message, bytes, size) == OK;
    if (x->message_type && x->message.type != x->message_type)
        return;
    const struct fix_dict_message *m = fix_dict_find(x->message.type);
    char type[3] = {(char)(x->message.type & 0xff), (char)(x->message.type >> 8 & 0xff), 0};
    json_open(r->out, NULL, '{');
    json_uint(r->out, "seq", seq);
    json_time(r->out, "time", rec->time_ns);
    json_text(r->out, "session", x->session_name);
    json_text(r->out, "direction", way);
    json_uint(r->out, "number", number);
    json_text(r->out, "type", type);
    json_text(r->out, "name", m ? m->name : "");
    json_flag(r->out, "again", again);
    if (parsed)
        fields_out(r, x);
    else
        json_chars(r->out, "text", bytes, size);
    json_close(r->out, '}');
    json_line(r->out);
}

static void message_of(struct ops_request *r, const struct record *rec, uint64_t seq)
{
    const struct reading *x = r->going;
    if (rec->session != x->session)
        return;
    if (rec->type == RECORD_GATEWAY_IN && x->direction != ONLY_OUT) {
        const struct gateway_in *in = (const void *)rec;
        message_row(r, seq, rec, "in", in->seq, in->bytes, in->size, false);
    } else if (rec->type == RECORD_GATEWAY_OUT && x->direction != ONLY_IN) {
        const struct gateway_out *out = (const void *)rec;
        message_row(r, seq, rec, "out", out->resend_of ? out->resend_of : out->seq, out->bytes, out->size,
                    out->resend_of != 0);
    }
}

/* Reading
 * -----------------------------------------------------------------------------------------------------------
 */

static void frame_out(struct ops_request *r, const struct log_frame *f)
{
    const struct reading *x = r->going;
    const struct batch *b = log_frame_batch(f);
    uint64_t seq = f->first_seq;
    for (const struct record *rec = batch_first(b); rec; rec = batch_after(b, rec), seq++) {
        if (seq < x->from_seq)
            continue;
        if (x->fix)
            message_of(r, rec, seq);
        else if (is_wanted(x, rec))
            record_row(r, b, rec, seq);
    }
}

/* False: there is no more now, or the request failed. */
static bool read_frame(struct ops_request *r)
{
    struct reading *x = r->going;
    uint64_t durable = log_durable(node_log(r->config->node));
    enum err e;
    const struct log_frame *f = log_reader_next(x->reader, x->end < durable ? x->end : durable, &e);
    if (e)
        ops_fail(r, e == ERR_NOT_FOUND ? "recycled" : "log", "%s", log_reader_error(x->reader));
    else if (f)
        frame_out(r, f);
    return f != NULL;
}

static bool read_step(struct ops_request *r)
{
    const struct reading *x = r->going;
    const struct log *l = node_log(r->config->node);
    size_t used = r->out->used;
    for (unsigned i = 0; i < FRAMES_PER_STEP && r->out->used - used < OPS_BYTES_PER_STEP; i++)
        if (!read_frame(r)) /* a log that has failed or waits will not become durable soon */
            return r->code || log_reader_offset(x->reader) >= x->end ||
                   (!x->follow && (log_failed(l) || log_stalled(l)));
    return false;
}

static void read_on(struct ops_request *r)
{
    r->step = read_step;
}

static void read_old(struct ops_request *r)
{
    struct reading *x = r->going;
    const struct log *l = node_log(r->config->node);
    enum err e = x->from_seq ? log_find_seq(l, x->from_seq, &x->from) : OK;
    if (!e || e == ERR_NOT_FOUND) /* what is not kept any more is no error: what there is comes */
        e = log_reader_open(&x->reader, l, x->from);
    if (e) {
        ops_fail(r, "log", "log offset %llu: %s", (unsigned long long)x->from, err_text(e));
        return;
    }
    while (!r->out->failed && !ops_unwanted(r) && read_frame(r))
        ;
    r->then = read_on;
}

static void read_end(struct ops_request *r)
{
    struct reading *x = r->going;
    log_reader_close(x->reader);
    free(x);
}

static struct reading *reading_new(struct ops_request *r)
{
    struct reading *x = calloc(1, sizeof *x);
    if (!x)
        ops_fail(r, "memory", "no memory");
    return x;
}

static void reading_begin(struct ops_request *r, struct reading *x)
{
    const struct log *l = node_log(r->config->node);
    x->from = x->follow ? log_written(l) : log_begin(l);
    x->end = x->follow ? UINT64_MAX : log_written(l);
    r->going = x;
    r->thread = read_old;
    r->end = read_end;
}

/* Options
 * -----------------------------------------------------------------------------------------------------------
 */

static unsigned record_type_named(const char *name)
{
    for (unsigned type = 1; type < 128; type++)
        if (record_type_size(type) && strcmp(record_type_name(type), name) == 0)
            return type;
    return 0;
}

/* "D", "AJ", or the message's name; 0: none. */
static uint32_t message_type_named(const char *name)
{
    for (unsigned i = 0; i < fix_dict_message_count; i++)
        if (strcmp(fix_dict_messages[i].name, name) == 0)
            return fix_dict_messages[i].type;
    size_t size = strlen(name);
    uint32_t type = size == 1 ? FIX_MSG_TYPE1(name[0]) : size == 2 ? FIX_MSG_TYPE2(name[0], name[1]) : 0;
    return type && fix_dict_type_defined(type) ? type : 0;
}

static bool take_type(struct ops_request *r, struct reading *x, const char *value)
{
    if (x->fix)
        x->message_type = message_type_named(value);
    else
        x->type = record_type_named(value);
    if (x->message_type || x->type)
        return true;
    ops_fail(r, "bad_type", "'%.40s' is no type of %s", value, x->fix ? "FIX message" : "record");
    return false;
}

static bool take_seq(struct ops_request *r, struct reading *x, const char *value)
{
    char *end;
    x->from_seq = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
    if (x->from_seq && !*end)
        return true;
    ops_fail(r, "bad_number", "'%.40s' is no record's number: they count from 1", value);
    return false;
}

static bool take_rfq(struct ops_request *r, struct reading *x, const char *value)
{
    x->rfq = name_parse('R', value, strlen(value));
    if (!x->rfq)
        ops_fail(r, "bad_id", "'%.40s' is no RFQ's id: R and hexadecimal digits", value);
    return x->rfq != 0;
}

/* The arguments from `at` on. False: refused. */
static bool take_options(struct ops_request *r, struct reading *x, unsigned at)
{
    static const struct {
        const char *name;
        bool fix, events;
        bool (*take)(struct ops_request *r, struct reading *x, const char *value);
    } options[] = {{"--type", true, true, take_type},
                   {"--from", true, true, take_seq},
                   {"--rfq", false, true, take_rfq}};
    while (at < r->argument_count) {
        const char *name = r->arguments[at++];
        unsigned i = 0;
        if (strcmp(name, "--follow") == 0) {
            x->follow = true;
            continue;
        }
        if (x->fix && (strcmp(name, "--in") == 0 || strcmp(name, "--out") == 0)) {
            x->direction = name[2] == 'i' ? ONLY_IN : ONLY_OUT;
            continue;
        }
        while (i < sizeof options / sizeof *options &&
               (strcmp(options[i].name, name) != 0 || !(x->fix ? options[i].fix : options[i].events)))
            i++;
        if (i == sizeof options / sizeof *options) {
            ops_fail(r, "usage", "'%s' has no option '%.40s'", x->fix ? "fix log" : "events", name);
            return false;
        }
        if (at == r->argument_count) {
            ops_fail(r, "usage", "%s needs a value", name);
            return false;
        }
        if (!options[i].take(r, x, r->arguments[at++]))
            return false;
    }
    return true;
}

void ops_events(struct ops_request *r)
{
    struct reading *x = reading_new(r);
    if (x && take_options(r, x, 0))
        reading_begin(r, x);
    else
        free(x);
}

void ops_fix_log(struct ops_request *r)
{
    const struct session *s = gateway_session_by_name(ops_copies(r)->gateways[0], r->arguments[1]);
    if (!s) {
        ops_fail(r, "not_found", "there is no session '%.40s'; 'sessions' lists them", r->arguments[1]);
        return;
    }
    struct reading *x = reading_new(r);
    if (x) {
        x->fix = true;
        x->session = (uint32_t)(s->id - 1);
        memcpy(x->session_name, s->name, sizeof x->session_name);
    }
    if (x && take_options(r, x, 2))
        reading_begin(r, x);
    else
        free(x);
}
