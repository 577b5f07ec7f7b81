#include "control/metrics/draw.h"

#include <assert.h>
#include <string.h>

void draw_head(struct draw *d, const char *name, enum family_type type, const char *sentence)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buffer_add_text(d->out, "# HELP ");
    buffer_add_text(d->out, name);
    buffer_add_text(d->out, " ");
    buffer_add_text(d->out, sentence);
    buffer_add_text(d->out, "\n# TYPE ");
    buffer_add_text(d->out, name);
    buffer_add_text(d->out, " ");
    buffer_add_text(d->out, types[type]);
    buffer_add_text(d->out, "\n");
}

static void add_label(struct buffer *b, const struct label *l)
{
    buffer_add_text(b, l->key);
    buffer_add_text(b, "=\"");
    for (const char *c = l->value; *c; c++)
        if (*c == '\n')
            buffer_add_text(b, "\\n");
        else {
            if (*c == '"' || *c == '\\')
                buffer_add_text(b, "\\");
            buffer_add(b, c, 1);
        }
    buffer_add_text(b, "\"");
}

/* Name, suffix and labels; last: one more, or NULL. */
static void sample(struct draw *d, const struct family *f, const char *suffix, size_t count,
                   const struct label *labels, const struct label *last)
{
    buffer_add_text(d->out, f->name);
    buffer_add_text(d->out, suffix);
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(d->out, i ? "," : "{");
        add_label(d->out, &labels[i]);
    }
    if (last) {
        buffer_add_text(d->out, count ? "," : "{");
        add_label(d->out, last);
    }
    buffer_add_text(d->out, count || last ? "} " : " ");
}

void draw_number(struct draw *d, const struct family *f, uint64_t value, size_t count,
                 const struct label *labels)
{
    sample(d, f, "", count, labels, NULL);
    buffer_add_number(d->out, value);
    buffer_add_text(d->out, "\n");
}

void draw_seconds(struct draw *d, const struct family *f, uint64_t ns, size_t count,
                  const struct label *labels)
{
    sample(d, f, "", count, labels, NULL);
    buffer_add_seconds(d->out, ns);
    buffer_add_text(d->out, "\n");
}

static void bucket(struct draw *d, const struct family *f, const char *edge, uint64_t values, size_t count,
                   const struct label *labels)
{
    sample(d, f, "_bucket", count, labels, &(struct label){"le", edge});
    buffer_add_number(d->out, values);
    buffer_add_text(d->out, "\n");
}

/* `le` is the largest value below the edge, since that is what was counted: 2^power − 1 ns. */
void draw_histogram(struct draw *d, const struct family *f, const struct histogram *h,
                    const struct edges *edges, size_t count, const struct label *labels)
{
    uint64_t values = 0;
    unsigned from = 0;
    histogram_copy(d->copy, h);
    for (unsigned power = edges->low; power <= edges->high; power += edges->step) {
        char text[32];
        struct buffer edge = {.text = text, .capacity = sizeof text};
        buffer_add_seconds(&edge, (1ull << power) - 1);
        buffer_add(&edge, "", 1);
        assert(edge.text == text);
        values += histogram_between(d->copy, from, power);
        bucket(d, f, text, values, count, labels);
        from = power;
    }
    values += histogram_between(d->copy, from, HISTOGRAM_POWER_MAX);
    bucket(d, f, "+Inf", values, count, labels);
    sample(d, f, "_sum", count, labels, NULL);
    buffer_add_seconds(d->out, d->copy->sum);
    buffer_add_text(d->out, "\n");
    sample(d, f, "_count", count, labels, NULL);
    buffer_add_number(d->out, values); /* of the buckets: the writer may be between two words */
    buffer_add_text(d->out, "\n");
}
