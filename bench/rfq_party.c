#include "bench/rfq_party.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"
#include "fix/fix_dict.h"

#define LOGON_NS_MAX 10000000000ull
#define HEARTBEAT_S  30
#define TEST_REQUEST "in sync"

/* Large, and needed by one message at a time. */
static struct fix_msg msg;

struct fix_encoder *party_begin(struct party *p, const char *msg_type)
{
    fix_encode_begin(&p->encoder, &p->template, p->out, sizeof p->out, msg_type, p->next_out++,
                     clock_now_ns(), 0);
    return &p->encoder;
}

bool party_ready(struct party *p)
{
    return fix_encode_end(&p->encoder, &p->ready, &p->sent_size) == OK;
}

uint64_t party_send_ready(struct party *p)
{
    uint64_t stamp = bench_stamp();
    return bare_tcp_send_all(p->fd, p->ready, p->sent_size) ? stamp : 0;
}

uint64_t party_send(struct party *p)
{
    return party_ready(p) ? party_send_ready(p) : 0;
}

static bool failed(struct party *p, const struct fix_msg *m, const char *what)
{
    int size = m->size < 100 ? (int)m->size : 100;
    snprintf(p->failure, sizeof p->failure, "%s: %s: %.*s", p->name, what, size, m->bytes);
    for (char *c = p->failure; *c; c++)
        if (*c == FIX_SOH)
            *c = '|';
    return false;
}

static bool send_heartbeat(struct party *p, const struct fix_msg *test)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(test, FIX_TAG_TestReqID, id, sizeof id) != OK)
        return failed(p, test, "TestRequest");
    fix_put_text(party_begin(p, FIX_MSGTYPE_Heartbeat), FIX_TAG_TestReqID, id);
    return party_send(p) != 0;
}

static bool take(struct party *p, const struct fix_msg *m, party_message *message, void *ctx)
{
    if (m->seq != p->next_in)
        return failed(p, m, "out of order");
    p->next_in++;
    switch (m->type) {
    case FIX_MSG_Logon:
        return true;
    case FIX_MSG_Heartbeat:
        p->answered |= fix_find(m, FIX_TAG_TestReqID) != NULL;
        return true;
    case FIX_MSG_TestRequest:
        return send_heartbeat(p, m);
    case FIX_MSG_Reject:
    case FIX_MSG_BusinessMessageReject:
    case FIX_MSG_Logout:
    case FIX_MSG_ResendRequest:
    case FIX_MSG_SequenceReset:
        return failed(p, m, "unexpected");
    default:
        return message(ctx, p, m) || (p->failure[0] == 0 && failed(p, m, "wrong"));
    }
}

static bool take_frames(struct party *p, party_message *message, void *ctx)
{
    size_t done = 0;
    for (;;) {
        size_t size = 0;
        enum err parse_error = OK;
        enum fix_frame_status status =
            fix_frame_parse(&msg, p->in + done, p->in_size - done, &size, &parse_error);
        if (status == FIX_FRAME_PARTIAL)
            break;
        if (status != FIX_FRAME_OK || parse_error != OK) {
            snprintf(p->failure, sizeof p->failure, "%s: what came is not FIX", p->name);
            return false;
        }
        if (!take(p, &msg, message, ctx))
            return false;
        done += size;
    }
    p->in_size -= done;
    if (p->in_size && done)
        memmove(p->in, p->in + done, p->in_size);
    return true;
}

bool party_stamp_in_kernel(struct party *p)
{
    const int on = 1;
    p->kernel_stamps = setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
    return p->kernel_stamps;
}

/* Some ns ago, in ticks: from how many there are in a long time. */
static uint64_t ticks_ago(uint64_t ns)
{
    const uint64_t many = 1ull << 40;
    return bench_stamp() - (uint64_t)((unsigned __int128)ns * many / clock_ticks_to_ns(many));
}

static uint64_t kernel_stamp(struct msghdr *h)
{
    struct timespec at, now;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&at, CMSG_DATA(c), sizeof at);
            clock_gettime(CLOCK_REALTIME, &now);
            return ticks_ago((uint64_t)((now.tv_sec - at.tv_sec) * 1000000000 + now.tv_nsec - at.tv_nsec));
        }
    return bench_stamp();
}

static ssize_t receive(struct party *p)
{
    void *to = p->in + p->in_size;
    size_t room = sizeof p->in - p->in_size;
    if (!p->kernel_stamps) {
        ssize_t n = recv(p->fd, to, room, MSG_DONTWAIT);
        p->stamp = n > 0 ? bench_stamp() : p->stamp;
        return n;
    }
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec part = {.iov_base = to, .iov_len = room};
    struct msghdr h = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(p->fd, &h, MSG_DONTWAIT);
    p->stamp = n > 0 ? kernel_stamp(&h) : p->stamp;
    return n;
}

bool party_poll(struct party *p, party_message *message, void *ctx)
{
    ssize_t n = receive(p);
    if (n > 0) {
        p->in_size += (size_t)n;
        return take_frames(p, message, ctx);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    snprintf(p->failure, sizeof p->failure, "%s: the connection is gone", p->name);
    return false;
}

static bool nothing_yet(void *ctx, struct party *p, const struct fix_msg *m)
{
    (void)ctx;
    (void)p;
    (void)m;
    return false;
}

bool party_logon(struct party *p, const char *name, const struct sockaddr_in *at)
{
    memset(p, 0, sizeof *p);
    p->name = name;
    p->next_in = p->next_out = 1;
    fix_template_init(&p->template, name, "RFQD", FIX_TIME_MS);
    if (bare_tcp_connect(&p->fd, at) != OK) {
        p->fd = -1;
        return false;
    }
    struct fix_encoder *e = party_begin(p, FIX_MSGTYPE_Logon);
    fix_put_uint(e, FIX_TAG_EncryptMethod, 0);
    fix_put_uint(e, FIX_TAG_HeartBtInt, HEARTBEAT_S);
    if (!party_send(p))
        return false;
    uint64_t until_ns = clock_now_ns() + LOGON_NS_MAX;
    bool asked = false;
    while (!p->answered && clock_now_ns() < until_ns) {
        if (!party_poll(p, nothing_yet, NULL))
            return false;
        if (!asked && p->next_out > 2) { /* its TestRequest is answered: our own overtakes nothing */
            fix_put_text(party_begin(p, FIX_MSGTYPE_TestRequest), FIX_TAG_TestReqID, TEST_REQUEST);
            asked = party_send(p) != 0;
        }
    }
    return p->answered;
}

void party_close(struct party *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
