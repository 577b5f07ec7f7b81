#include <inttypes.h>

#include "storage/log/inside.h"

/* Any prefix of the log is a consistent cut: what caused it comes first. A ring that is not there has nothing
 * to wait for. */
static bool cause_is_taken(const struct log *l, const struct batch *b)
{
    return b->cause_agent == AGENT_NONE || !l->sources[b->cause_agent].present ||
           b->cause <= l->taken.positions[b->cause_agent];
}

static uint64_t segment_rest(struct log *l)
{
    if (l->segment_oldest == l->segment_newest)
        return 0;
    const struct segment *s = log_segment(l, l->segment_newest - 1);
    return s->complete ? 0 : s->base + l->config.segment_size - l->taken.offset;
}

static struct log_frame *frame_begin(struct log *l, struct buffer *b, uint32_t size, uint32_t pad)
{
    struct log_frame *f = (struct log_frame *)(b->data + b->size);
    *f = (struct log_frame){.size = size,
                            .pad = pad,
                            .offset = l->taken.offset,
                            .first_seq = l->taken.next_seq,
                            .incarnation = l->incarnation,
                            .stream_epoch = atomic_load_explicit(&l->stream_epoch, memory_order_relaxed)};
    return f;
}

static void frame_end(struct log *l, struct buffer *b, struct log_frame *f)
{
    frame_seal(f, l->seed);
    b->size += frame_stored_size(f);
    l->taken.offset += f->size;
    l->taken.incarnation = l->incarnation;
    b->end = l->taken;
}

/* Where a frame of `size` goes; in the next segment where this one has no room for it. NULL: not now. */
static struct buffer *frame_place(struct log *l, uint32_t size)
{
    uint64_t rest = segment_rest(l);
    if (!frame_fits(rest, size)) {
        if (!segment_ready(l))
            return NULL;
        if (rest) {
            struct buffer *b = write_room(l, sizeof(struct log_frame));
            if (!b)
                return NULL;
            frame_end(l, b, frame_begin(l, b, (uint32_t)rest, 1));
        }
        write_seal(l);
        segment_advance(l);
    }
    return write_room(l, size);
}

/* The source's next batch into the log. False: no room now. */
static bool batch_take(struct log *l, struct source *s)
{
    const struct batch *batch = s->next;
    uint32_t size = (uint32_t)sizeof(struct log_frame) + batch->size;
    struct buffer *b = frame_place(l, size);
    if (!b)
        return false;
    struct log_frame *f = frame_begin(l, b, size, 0);
    memcpy(f + 1, batch, batch->size);
    l->taken.next_seq += batch->count;
    l->taken.positions[batch->agent] = batch->position + batch->size;
    frame_end(l, b, f);
    s->next = NULL;
    counter_add(l->frames, 1);
    counter_add(l->bytes, size);
    return true;
}

/* The source's next batch, or NULL. What is unsound must not get into the record: it could not be opened
 * again. */
static const struct batch *source_peek(struct log *l, struct source *s)
{
    if (s->next)
        return s->next;
    const struct batch *b = ring_next(&s->reader);
    if (!b)
        return NULL;
    if (!batch_is_sound(b, b->size) || b->agent != s->reader.agent) {
        log_fail(l, "ring of agent %u: the batch at position %" PRIu64 " is not sound", s->reader.agent,
                 b->position);
        return NULL;
    }
    s->waiting = false;
    return s->next = b;
}

/* One ring's turn. *blocked: the log has no room. */
static unsigned merge_turn(struct log *l, struct source *s, bool *blocked)
{
    unsigned n = 0;
    for (; n < LOG_TURN_BATCHES; n++) {
        const struct batch *b = source_peek(l, s);
        if (!b)
            break;
        if (!cause_is_taken(l, b)) {
            if (!s->waiting)
                counter_add(l->merge_waits, 1);
            s->waiting = true;
            break;
        }
        if (!batch_take(l, s)) {
            *blocked = true;
            break;
        }
    }
    return n;
}

bool merge_is_idle(struct log *l)
{
    for (unsigned i = 0; i < l->source_count; i++)
        if (source_peek(l, &l->sources[l->order[i]]))
            return false;
    return true;
}

unsigned merge_run(struct log *l)
{
    /* The disk says «clean»: that has to be taken back, durably, before anything is added. */
    if (l->want_clean || l->mark.clean) {
        if (!merge_is_idle(l))
            l->want_clean = false;
        return 0;
    }
    unsigned total = 0, quiet = 0;
    bool blocked = false;
    while (quiet < l->source_count && total < LOG_POLL_BATCHES && !blocked && !log_failed(l)) {
        unsigned n = merge_turn(l, &l->sources[l->order[l->turn]], &blocked);
        quiet = n ? 0 : quiet + 1;
        total += n;
        if (!blocked) /* who found no room comes first when there is some */
            l->turn = (l->turn + 1) % l->source_count;
    }
    if (!blocked)
        l->blocked_ns = 0;
    else if (!l->blocked_ns)
        l->blocked_ns = l->now_ns ? l->now_ns : 1; /* a flush before the first poll knows no time */
    if (total) {
        atomic_store_explicit(&l->next_seq, l->taken.next_seq, memory_order_relaxed);
        atomic_store_explicit(&l->end, l->taken.offset, memory_order_release);
    }
    return total;
}
