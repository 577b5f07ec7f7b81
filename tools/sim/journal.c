#include "tools/sim/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE   (1u << 20)
#define LINE_MAX_SIZE (66u * 1024u)

struct sent {
    uint64_t offset; /* of the message in the file; 0: administrative */
    uint32_t size;
};

struct journal {
    int fd;
    uint64_t end; /* of what is in the file and the buffer */
    size_t used;
    uint64_t next_in, next_out;
    struct sent *sent;
    size_t sent_capacity;
    char buffer[BUFFER_SIZE];
    char line[LINE_MAX_SIZE];
};

static void die(const char *what)
{
    fprintf(stderr, "rfqsim: journal: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int is_administrative(const char *bytes, size_t size)
{
    const char *type = memmem(bytes, size < 64 ? size : 64, "35=", 3);
    return type && (type + 4 < bytes + size) && strchr("0124A5", type[3]) &&
           (type[4] == '\x01' || type[4] == '|');
}

static void note_sent(struct journal *j, uint64_t seq, uint64_t offset, uint32_t size)
{
    if (seq >= j->sent_capacity) {
        size_t capacity = j->sent_capacity ? j->sent_capacity * 2 : 65536;
        while (capacity <= seq)
            capacity *= 2;
        j->sent = realloc(j->sent, capacity * sizeof *j->sent);
        if (!j->sent)
            die("memory");
        memset(j->sent + j->sent_capacity, 0, (capacity - j->sent_capacity) * sizeof *j->sent);
        j->sent_capacity = capacity;
    }
    j->sent[seq] = (struct sent){offset, size};
}

static void take(struct journal *j, char kind, uint64_t seq, const char *bytes, size_t size, uint64_t offset)
{
    if (kind == 'I' && seq >= j->next_in)
        j->next_in = seq + 1;
    if (kind == 'O' && seq >= j->next_out) {
        j->next_out = seq + 1;
        if (!is_administrative(bytes, size))
            note_sent(j, seq, offset, (uint32_t)size);
    }
    if (kind == 'N' && size > 8 && memcmp(bytes, "next_in=", 8) == 0)
        j->next_in = strtoull(bytes + 8, NULL, 10);
}

/* One line "ns kind seq bytes"; false: it is none. */
static int split(char *line, size_t size, uint64_t *ns, char *kind, uint64_t *seq, char **bytes,
                 size_t *bytes_size)
{
    char *at = line, *end;
    *ns = strtoull(at, &end, 10);
    if (end == at || end[0] != ' ' || !strchr("IORN", end[1]) || end[2] != ' ')
        return 0;
    *kind = end[1];
    at = end + 3;
    *seq = strtoull(at, &end, 10);
    if (end == at || *end != ' ')
        return 0;
    *bytes = end + 1;
    *bytes_size = size - (size_t)(*bytes - line);
    return 1;
}

struct visitor {
    void (*visit)(void *ctx, uint64_t ns, char kind, uint64_t seq, const char *bytes, size_t size);
    void *ctx;
};

/* Reads every whole line; returns where the last one ends. */
static enum err read_all(struct journal *j, const struct visitor *v, uint64_t *end)
{
    FILE *f = fdopen(dup(j->fd), "rb");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got;
    enum err e = OK;
    *end = 0;
    if (!f)
        return ERR_IO;
    rewind(f);
    while (e == OK && (got = getline(&line, &capacity, f)) > 0 && line[got - 1] == '\n') {
        uint64_t ns, seq;
        char kind, *bytes;
        size_t size;
        line[got - 1] = 0;
        if (!split(line, (size_t)got - 1, &ns, &kind, &seq, &bytes, &size)) {
            e = ERR_CORRUPT;
            break;
        }
        uint64_t offset = *end + (uint64_t)(bytes - line);
        *end += (uint64_t)got;
        if (v) {
            for (size_t i = 0; i < size; i++)
                if (bytes[i] == '|')
                    bytes[i] = '\x01';
            v->visit(v->ctx, ns, kind, seq, bytes, size);
        } else {
            take(j, kind, seq, bytes, size, offset);
        }
    }
    free(line);
    fclose(f);
    return e;
}

enum err journal_open(struct journal **out, const char *path)
{
    struct journal *j = *out = calloc(1, sizeof *j);
    if (!j)
        return ERR_MEMORY;
    j->next_in = j->next_out = 1;
    j->fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : memfd_create("journal", MFD_CLOEXEC);
    enum err e = j->fd < 0 ? ERR_IO : read_all(j, NULL, &j->end);
    if (e == OK && (ftruncate(j->fd, (off_t)j->end) != 0 || lseek(j->fd, (off_t)j->end, SEEK_SET) < 0))
        e = ERR_IO;
    if (e != OK) {
        journal_close(j);
        *out = NULL;
    }
    return e;
}

void journal_close(struct journal *j)
{
    if (j->fd >= 0) {
        journal_flush(j);
        close(j->fd);
    }
    free(j->sent);
    free(j);
}

void journal_flush(struct journal *j)
{
    size_t done = 0;
    while (done < j->used) {
        ssize_t n = write(j->fd, j->buffer + done, j->used - done);
        if (n < 0 && errno != EINTR)
            die("write");
        if (n > 0)
            done += (size_t)n;
    }
    j->used = 0;
}

void journal_append(struct journal *j, uint64_t time_ns, char kind, uint64_t seq, const char *bytes,
                    size_t size)
{
    if (j->used + size + 64 > BUFFER_SIZE)
        journal_flush(j);
    char *at = j->buffer + j->used;
    int head = sprintf(at, "%llu %c %llu ", (unsigned long long)time_ns, kind, (unsigned long long)seq);
    uint64_t offset = j->end + (uint64_t)head;
    for (size_t i = 0; i < size; i++)
        at[(size_t)head + i] = bytes[i] == '\x01' ? '|' : bytes[i];
    at[(size_t)head + size] = '\n';
    take(j, kind, seq, bytes, size, offset);
    j->used += (size_t)head + size + 1;
    j->end += (size_t)head + size + 1;
}

uint64_t journal_next_in(const struct journal *j)
{
    return j->next_in;
}

uint64_t journal_next_out(const struct journal *j)
{
    return j->next_out;
}

void journal_advance_in(struct journal *j, uint64_t time_ns, uint64_t next)
{
    char text[40];
    int size = snprintf(text, sizeof text, "next_in=%llu", (unsigned long long)next);
    journal_append(j, time_ns, 'N', 0, text, (size_t)size);
}

const char *journal_sent(struct journal *j, uint64_t seq, size_t *size)
{
    if (seq >= j->sent_capacity || !j->sent[seq].offset)
        return NULL;
    journal_flush(j);
    struct sent s = j->sent[seq];
    if (s.size > sizeof j->line || pread(j->fd, j->line, s.size, (off_t)s.offset) != (ssize_t)s.size)
        return NULL;
    for (size_t i = 0; i < s.size; i++)
        if (j->line[i] == '|')
            j->line[i] = '\x01';
    *size = s.size;
    return j->line;
}

void journal_replay(struct journal *j,
                    void (*visit)(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes,
                                  size_t size),
                    void *ctx)
{
    struct visitor v = {visit, ctx};
    uint64_t end;
    journal_flush(j);
    if (read_all(j, &v, &end) != OK)
        die("read back");
}
