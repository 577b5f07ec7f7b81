/* Frames and marks as bytes: what is taken for one, and what never is. */
#include <criterion/criterion.h>
#include <stddef.h>

#include "dataplane/core/crc32c.h"
#include "storage/log/frame.h"
#include "storage/log/mark.h"

static const uint8_t instance[16] = {1, 2, 3};

/* A frame at offset 4096 with two records. */
struct bytes {
    struct log_frame frame;
    struct batch batch;
    struct record first;
    char body[16];
    struct record second;
};

static void good(struct bytes *b)
{
    *b = (struct bytes){
        .frame = {.size = sizeof *b, .offset = 4096, .first_seq = 10, .incarnation = 2, .stream_epoch = 1},
        .batch = {.size = sizeof *b - sizeof b->frame, .count = 2, .agent = 1},
        .first = {.size = sizeof b->first + sizeof b->body},
        .second = {.size = sizeof b->second},
        .body = "fifteen letters"};
    frame_seal(&b->frame, frame_seed(instance));
}

static enum frame_fault check(const struct bytes *b)
{
    enum frame_fault f = frame_check_header(&b->frame, 4096, LOG_SEGMENT_SIZE_MIN - 4096);
    return f ? f : frame_check(&b->frame, frame_seed(instance));
}

Test(log_frame, a_good_one_is_good_for_its_instance_and_place_only)
{
    struct bytes b;
    uint8_t other[16] = {1, 2, 4};
    good(&b);
    cr_assert_eq(check(&b), FRAME_GOOD);
    cr_assert_eq(frame_check(&b.frame, frame_seed(other)), FRAME_CRC);
    cr_assert_eq(frame_check_header(&b.frame, 4104, 65536), FRAME_OFFSET);
}

Test(log_frame, no_single_bit_may_change)
{
    /* As a reader has it: as many bytes as the header may ask for. */
    static union {
        struct bytes b;
        unsigned char at[LOG_FRAME_SIZE_MAX];
    } u;
    good(&u.b);
    for (unsigned bit = 0; bit < 8 * sizeof u.b; bit++) {
        u.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
        cr_assert_neq(check(&u.b), FRAME_GOOD, "bit %u", bit);
        u.at[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    cr_assert_eq(check(&u.b), FRAME_GOOD);
}

Test(log_frame, the_checksum_covers_instance_offset_header_and_bytes)
{
    struct bytes b;
    good(&b);
    /* By hand: what the layout on disk promises to whoever reads it with other programs. */
    uint32_t crc = crc32c(0, instance, 16);
    crc = crc32c(crc, (char *)&b + 8, sizeof b - 8);
    cr_assert_eq(b.frame.crc, crc);
    cr_assert_eq(b.frame.magic, LOG_FRAME_MAGIC);
    cr_assert_eq(offsetof(struct log_frame, size), 8);
    cr_assert_eq(offsetof(struct log_frame, offset), 16);
    cr_assert_eq(offsetof(struct log_frame, first_seq), 24);
    cr_assert_eq(offsetof(struct log_frame, incarnation), 32);
    cr_assert_eq(offsetof(struct log_frame, stream_epoch), 40);
}

Test(log_frame, sizes_that_cannot_be_are_refused_before_they_are_used)
{
    static const struct {
        uint32_t size, pad;
        uint64_t rest;
        enum frame_fault fault;
    } rows[] = {
        {200, 0, 1000, FRAME_GOOD},
        {200, 0, 200, FRAME_GOOD},
        {200, 0, 248, FRAME_GOOD},
        {200, 0, 240, FRAME_SIZE},  /* no pad's header fits behind it */
        {200, 0, 199, FRAME_SIZE},  /* beyond the segment */
        {201, 0, 1000, FRAME_SIZE}, /* not aligned */
        {0, 0, 1000, FRAME_SIZE},
        {48, 0, 1000, FRAME_SIZE},  /* no batch */
        {128, 0, 1000, FRAME_SIZE}, /* a batch without a record */
        {136, 0, 1000, FRAME_GOOD},
        {LOG_FRAME_SIZE_MAX, 0, 1048576, FRAME_GOOD},
        {LOG_FRAME_SIZE_MAX + 8, 0, 1048576, FRAME_SIZE},
        {UINT32_MAX - 7, 0, 1048576, FRAME_SIZE},
        {1000, 1, 1000, FRAME_GOOD},
        {48, 1, 48, FRAME_GOOD},
        {992, 1, 1000, FRAME_SIZE}, /* a pad goes to the end */
        {40, 1, 40, FRAME_SIZE},
        {200, 2, 1000, FRAME_SIZE},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log_frame f = {
            .magic = LOG_FRAME_MAGIC, .size = rows[i].size, .pad = rows[i].pad, .offset = 64};
        cr_assert_eq(frame_check_header(&f, 64, rows[i].rest), rows[i].fault, "row %u", i);
    }
}

Test(log_frame, a_batch_that_is_not_sound_is_no_frame_whatever_its_checksum)
{
    struct bytes b;
    good(&b);
    b.batch.count = 3;
    frame_seal(&b.frame, frame_seed(instance));
    cr_assert_eq(check(&b), FRAME_BATCH);
    good(&b);
    b.batch.size -= 8;
    frame_seal(&b.frame, frame_seed(instance));
    cr_assert_eq(check(&b), FRAME_BATCH);
    good(&b);
    b.second.lane = LANES_MAX;
    frame_seal(&b.frame, frame_seed(instance));
    cr_assert_eq(check(&b), FRAME_BATCH);
}

Test(log_frame, every_fault_has_its_text)
{
    for (int f = FRAME_GOOD; f <= FRAME_IO; f++)
        cr_assert_not_null(frame_fault_text((enum frame_fault)f));
}

Test(log_mark, no_single_bit_may_change)
{
    struct mark m = {.generation = 7, .durable = 4096, .next_seq = 3};
    mark_seal(&m);
    cr_assert_eq(mark_check(&m), OK);
    for (unsigned bit = 0; bit < 8 * sizeof m; bit++) {
        ((unsigned char *)&m)[bit / 8] ^= (unsigned char)(1u << bit % 8);
        cr_assert_eq(mark_check(&m), ERR_CORRUPT, "bit %u", bit);
        ((unsigned char *)&m)[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

Test(log_mark, one_by_a_newer_program_is_refused_by_name)
{
    struct mark m = {.generation = 7};
    mark_seal(&m);
    m.version = MARK_VERSION + 1;
    m.crc = 0;
    m.crc = crc32c(0, &m, sizeof m);
    cr_assert_eq(mark_check(&m), ERR_VERSION);
}
