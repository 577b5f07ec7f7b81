/* fix_gen: the dictionary's text to C tables, at build time.
 *
 *   fix_gen FIX44.txt fix_dict.h fix_dict.c
 *   fix_gen --quickfix-xml FIX44.txt out.xml      (for comparisons: the same dictionary for QuickFIX)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fix/dict.h"
#include "fix/gen/dict_read.h"
#include "fix/gen/emit.h"

static const struct {
    const char *fix, *check;
} types[] = {
    {"STRING", "STRING"},        {"EXCHANGE", "STRING"},  {"CHAR", "CHAR"},
    {"BOOLEAN", "BOOLEAN"},      {"INT", "INT"},          {"LENGTH", "UINT"},
    {"NUMINGROUP", "UINT"},      {"SEQNUM", "UINT"},      {"PRICE", "DECIMAL"},
    {"PRICEOFFSET", "DECIMAL"},  {"QTY", "DECIMAL"},      {"AMT", "DECIMAL"},
    {"PERCENTAGE", "DECIMAL"},   {"FLOAT", "DECIMAL"},    {"MULTIPLEVALUESTRING", "MULTI"},
    {"CURRENCY", "CURRENCY"},    {"COUNTRY", "COUNTRY"},  {"UTCTIMESTAMP", "TIMESTAMP"},
    {"UTCTIMEONLY", "TIME"},     {"UTCDATEONLY", "DATE"}, {"LOCALMKTDATE", "DATE"},
    {"MONTHYEAR", "MONTH_YEAR"}, {"DATA", "DATA"},
};

static unsigned type_of(const struct field *f)
{
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i].fix, f->type))
            return i;
    die("%s: no type %s", f->name, f->type);
}

static FILE *open_out(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        die("cannot write %s", path);
    return f;
}

static void close_out(FILE *f)
{
    if (fclose(f))
        die("cannot write");
}

static void emit_header(const char *path)
{
    FILE *f = open_out(path);
    fputs("/* Written by fix_gen from fix/dict/FIX44.txt: tags, message types, enumerated values. */\n"
          "#ifndef RFQD_FIX_FIX_DICT_H\n#define RFQD_FIX_FIX_DICT_H\n\nenum fix_tag {\n",
          f);
    for (int i = 0; i < dict.field_count; i++)
        fprintf(f, "    FIX_TAG_%s = %d,\n", dict.fields[i].name, dict.fields[i].tag);
    fputs("};\n\n/* As fix_msg.type has them, and as fix_encode_begin wants them. */\n", f);
    for (int i = 0; i < dict.block_count; i++) {
        const struct block *b = &dict.blocks[i];
        if (b->kind != BLOCK_MESSAGE)
            continue;
        fprintf(f, "#define FIX_MSG_%s 0x%xu\n", b->name,
                (unsigned)(unsigned char)b->type[0] | (unsigned)(unsigned char)b->type[1] << 8);
        fprintf(f, "#define FIX_MSGTYPE_%s \"%s\"\n", b->name, b->type);
    }
    fputs("\n/* Values: characters, numbers or texts as the field's type is. */\n", f);
    for (int i = 0; i < dict.field_count; i++) {
        const struct field *x = &dict.fields[i];
        bool is_char = !strcmp(x->type, "CHAR"), is_int = !strcmp(x->type, "INT");
        for (int v = 0; v < x->value_count && x->tag != 35; v++) {
            const struct value *value = &dict.values[x->first_value + v];
            const char *quote = is_char ? "'" : is_int ? "" : "\"";
            fprintf(f, "#define FIX_%s_%s %s%s%s\n", x->name, value->meaning, quote, value->text, quote);
        }
    }
    fputs("\n#endif\n", f);
    close_out(f);
}

/* Enumerations: index 0 is "not enumerated"; then one for each field that has values. */
static int enum_index[FIELDS_MAX];

/* One character's bit, or for numbers -1 from ten on. */
static int character_bit(const struct value *v)
{
    return v->text[1] == 0 ? (unsigned char)v->text[0] : -1;
}

static unsigned emit_texts(FILE *f, const struct field *x)
{
    static struct fix_dict_text slots[512];
    unsigned mask = 7;
    while (mask < 2u * (unsigned)x->value_count)
        mask = mask * 2 + 1;
    if (mask >= 512)
        die("%s has too many values", x->name);
    memset(slots, 0, sizeof slots);
    for (int v = 0; v < x->value_count; v++) {
        uint64_t key[2] = {0, 0};
        const char *text = dict.values[x->first_value + v].text;
        memcpy(key, text, strlen(text));
        unsigned at = fix_dict_text_hash(key[0], key[1]) & mask;
        while (slots[at].key[0])
            at = (at + 1) & mask;
        memcpy(slots[at].key, key, sizeof key);
    }
    fprintf(f, "static const struct fix_dict_text texts_%d[] = {\n", x->tag);
    for (unsigned i = 0; i <= mask; i++)
        fprintf(f, "    {{0x%llxu, 0x%llxu}},\n", (unsigned long long)slots[i].key[0],
                (unsigned long long)slots[i].key[1]);
    fputs("};\n", f);
    return mask;
}

static void emit_enums(FILE *f)
{
    static uint64_t bits[FIELDS_MAX][4], numbers[FIELDS_MAX][2];
    static unsigned mask[FIELDS_MAX];
    int count = 1;
    for (int i = 0; i < dict.field_count; i++) {
        const struct field *x = &dict.fields[i];
        bool is_int = !strcmp(x->type, "INT"), all = true;
        if (!x->value_count)
            continue;
        enum_index[i] = count++;
        for (int v = 0; v < x->value_count; v++) {
            const struct value *value = &dict.values[x->first_value + v];
            int bit = character_bit(value), number = atoi(value->text);
            if (bit >= 0)
                bits[i][bit >> 6] |= 1ull << (bit & 63);
            all = all && (bit >= 0 || is_int);
            if (is_int && (number < 0 || number > 127))
                die("%s: an INT's values are 0 to 127", x->name);
            if (is_int)
                numbers[i][number >> 6] |= 1ull << (number & 63);
        }
        if (!all)
            mask[i] = emit_texts(f, x);
    }
    fputs("const struct fix_dict_enum fix_dict_enums[] = {\n    {{~0ull, ~0ull, ~0ull, ~0ull}, {0, 0}, 0, "
          "0},\n",
          f);
    for (int i = 0; i < dict.field_count; i++) {
        if (!enum_index[i])
            continue;
        fprintf(f, "    {{0x%llxu, 0x%llxu, 0x%llxu, 0x%llxu}, ", (unsigned long long)bits[i][0],
                (unsigned long long)bits[i][1], (unsigned long long)bits[i][2],
                (unsigned long long)bits[i][3]);
        fprintf(f, "{0x%llxu, 0x%llxu}, ", (unsigned long long)numbers[i][0],
                (unsigned long long)numbers[i][1]);
        if (mask[i])
            fprintf(f, "texts_%d, %u},\n", dict.fields[i].tag, mask[i]);
        else
            fputs("0, 0},\n", f);
    }
    fputs("};\n\n", f);
}

/* One message spread out: components dissolved, groups as scopes. */
struct spread {
    struct fix_dict_entry entries[TAG_LIMIT];
    struct fix_dict_scope scopes[FIX_DICT_SCOPES_MAX];
    uint64_t required[FIX_DICT_SLOTS_MAX / 64];
    unsigned slots, scope_count;
    const char *message;
};

static void spread_list(struct spread *s, int node, unsigned scope, bool required, uint8_t rank);

static void spread_group(struct spread *s, const struct node *n, int tag, unsigned parent, uint8_t rank)
{
    unsigned scope = s->scope_count++;
    if (scope >= FIX_DICT_SCOPES_MAX || s->scopes[parent].depth + 1 > FIX_DICT_DEPTH_MAX)
        die("%s has too many or too deep groups", s->message);
    s->entries[tag].child = (uint8_t)scope;
    struct fix_dict_scope *g = &s->scopes[scope];
    g->group_tag = (uint16_t)tag;
    g->parent = (uint8_t)parent;
    g->depth = (uint8_t)(s->scopes[parent].depth + 1);
    for (unsigned up = scope;; up = s->scopes[up].parent) {
        s->scopes[up].within |= 1ull << scope;
        if (up == 0)
            break;
    }
    spread_list(s, n->child, scope, true, rank);
    if (!g->delimiter)
        die("%s: an empty group", s->message);
}

static void spread_field(struct spread *s, const struct node *n, unsigned scope, bool required, uint8_t rank)
{
    const struct field *x = &dict.fields[n->what];
    struct fix_dict_entry *e = &s->entries[x->tag];
    if (e->order)
        die("%s has %s in two places", s->message, x->name);
    if (++s->slots >= FIX_DICT_SLOTS_MAX)
        die("%s has too many members", s->message);
    e->order = (uint16_t)s->slots;
    e->scope = (uint8_t)scope;
    e->flags = (uint8_t)(rank | (required ? FIX_ENTRY_REQUIRED : 0));
    e->enums = (uint16_t)enum_index[n->what];
    e->type = (uint8_t)type_of(x);
    if (required)
        s->scopes[scope].required_count++;
    if (required && !scope)
        s->required[e->order >> 6] |= 1ull << (e->order & 63);
    if (scope && !s->scopes[scope].delimiter)
        s->scopes[scope].delimiter = (uint16_t)x->tag;
    if ((n->kind == NODE_GROUP) != !strcmp(x->type, "NUMINGROUP"))
        die("%s: %s: a group is counted by a NUMINGROUP", s->message, x->name);
    if (n->kind == NODE_GROUP)
        spread_group(s, n, x->tag, scope, rank);
}

static void spread_list(struct spread *s, int node, unsigned scope, bool required, uint8_t rank)
{
    for (; node >= 0; node = dict.nodes[node].next) {
        const struct node *n = &dict.nodes[node];
        if (n->kind == NODE_COMPONENT)
            spread_list(s, dict.blocks[n->what].first, scope, required && n->required, rank);
        else
            spread_field(s, n, scope, required && n->required, rank);
    }
}

static void spread_message(struct spread *s, const struct block *b)
{
    memset(s, 0, sizeof *s);
    s->message = b->name;
    s->scope_count = 1;
    s->scopes[0].within = 1;
    spread_list(s, dict.blocks[dict_block_of_kind(BLOCK_HEADER)].first, 0, true, 0);
    spread_list(s, b->first, 0, true, FIX_ENTRY_BODY);
    spread_list(s, dict.blocks[dict_block_of_kind(BLOCK_TRAILER)].first, 0, true, FIX_ENTRY_TRAILER);
}

static void emit_message(FILE *f, const struct spread *s)
{
    fprintf(f, "static const struct fix_dict_entry entries_%s[FIX_DICT_TAGS] = {\n", s->message);
    for (int tag = 0; tag < TAG_LIMIT; tag++) {
        const struct fix_dict_entry *e = &s->entries[tag];
        if (e->order)
            fprintf(f, "    [%d] = {%u, %u, %u, %u, FIX_TYPE_%s, %u},\n", tag, e->order, e->scope, e->child,
                    e->flags, types[e->type].check, e->enums);
    }
    fprintf(f, "};\nstatic const struct fix_dict_scope scopes_%s[] = {\n", s->message);
    for (unsigned i = 0; i < s->scope_count; i++) {
        const struct fix_dict_scope *g = &s->scopes[i];
        fprintf(f, "    {%u, %u, %u, %u, %u, 0x%llxu},\n", g->group_tag, g->delimiter, g->parent, g->depth,
                g->required_count, (unsigned long long)g->within);
    }
    fprintf(f, "};\nstatic const uint64_t required_%s[] = {", s->message);
    for (unsigned i = 0; i < FIX_DICT_SLOTS_MAX / 64; i++)
        fprintf(f, "%s0x%llxu", i ? ", " : "", (unsigned long long)s->required[i]);
    fputs("};\n\n", f);
}

static void emit_type_index(FILE *f)
{
    unsigned at[2][128] = {{0}}, n = 0;
    uint64_t defined[3][2] = {{0}};
    for (int i = 0; i < dict.block_count; i++) {
        const struct block *b = &dict.blocks[i];
        if (b->kind != BLOCK_MESSAGE)
            continue;
        if (b->type[1] && b->type[0] != 'A')
            die("%s: two-character types start with A in FIX 4.4", b->name);
        at[b->type[1] != 0][(unsigned char)b->type[b->type[1] != 0]] = ++n;
    }
    for (int k = 0; k < 2; k++) {
        fprintf(f, "const uint8_t fix_dict_by_type%d[128] = {", k + 1);
        for (int c = 0; c < 128; c++)
            if (at[k][c])
                fprintf(f, "['%c'] = %u, ", c, at[k][c]);
        fputs("};\n", f);
    }
    const struct field *x = &dict.fields[dict.by_tag[35]];
    for (int v = 0; v < x->value_count; v++) {
        const char *t = dict.values[x->first_value + v].text;
        unsigned c = (unsigned char)(t[1] ? t[1] : t[0]);
        if (t[1] && t[0] != 'A' && t[0] != 'B')
            die("MsgType %s: two-character types start with A or B in FIX 4.4", t);
        defined[t[1] ? t[0] - 'A' + 1 : 0][c >> 6] |= 1ull << (c & 63);
    }
    fputs("const uint64_t fix_dict_types_defined[3][2] = {\n", f);
    for (int k = 0; k < 3; k++)
        fprintf(f, "    {0x%llxu, 0x%llxu},\n", (unsigned long long)defined[k][0],
                (unsigned long long)defined[k][1]);
    fputs("};\n", f);
}

static void emit_tag_texts(FILE *f)
{
    fputs("const struct fix_dict_tag_text fix_dict_tag_texts[FIX_DICT_TAGS] = {\n", f);
    for (int tag = 0; tag < TAG_LIMIT; tag++)
        fprintf(f, "    {\"%d=\", %d},\n", tag, tag < 10 ? 2 : tag < 100 ? 3 : tag < 1000 ? 4 : 5);
    fputs("};\n", f);
}

static void emit_meanings(FILE *f)
{
    fputs("const char *const fix_dict_tag_names[FIX_DICT_TAGS] = {\n", f);
    for (int i = 0; i < dict.field_count; i++)
        fprintf(f, "    [%d] = \"%s\",\n", dict.fields[i].tag, dict.fields[i].name);
    fputs("};\n\nstatic const struct {\n    uint16_t tag;\n    const char *value, *meaning;\n} meanings[] = "
          "{\n",
          f);
    for (int i = 0; i < dict.field_count; i++)
        for (int v = 0; v < dict.fields[i].value_count; v++) {
            const struct value *value = &dict.values[dict.fields[i].first_value + v];
            fprintf(f, "    {%d, \"%s\", \"%s\"},\n", dict.fields[i].tag, value->text, value->meaning);
        }
    fputs("};\n\nconst char *fix_dict_meaning(uint32_t tag, const char *value, size_t size)\n{\n"
          "    for (unsigned i = 0; i < sizeof meanings / sizeof meanings[0]; i++)\n"
          "        if (meanings[i].tag == tag && strlen(meanings[i].value) == size &&\n"
          "            !memcmp(meanings[i].value, value, size))\n"
          "            return meanings[i].meaning;\n"
          "    return NULL;\n}\n",
          f);
}

static void emit_tables(const char *path)
{
    static struct spread spread;
    static unsigned scope_count[BLOCKS_MAX], slots[BLOCKS_MAX];
    FILE *f = open_out(path);
    fputs("/* Written by fix_gen from fix/dict/FIX44.txt. */\n#include \"fix/dict.h\"\n\n#include "
          "<string.h>\n\n",
          f);
    emit_enums(f);
    for (int i = 0; i < dict.block_count; i++) {
        if (dict.blocks[i].kind != BLOCK_MESSAGE)
            continue;
        spread_message(&spread, &dict.blocks[i]);
        emit_message(f, &spread);
        scope_count[i] = spread.scope_count;
        slots[i] = spread.slots;
    }
    unsigned count = 0;
    fputs("const struct fix_dict_message fix_dict_messages[] = {\n", f);
    for (int i = 0; i < dict.block_count; i++) {
        const struct block *b = &dict.blocks[i];
        if (b->kind != BLOCK_MESSAGE)
            continue;
        fprintf(f, "    {0x%x, %s, %u, %u, \"%s\", entries_%s, scopes_%s, required_%s},\n",
                (unsigned)(unsigned char)b->type[0] | (unsigned)(unsigned char)b->type[1] << 8,
                b->admin ? "true" : "false", scope_count[i], slots[i], b->name, b->name, b->name, b->name);
        count++;
    }
    fprintf(f, "};\nconst unsigned fix_dict_message_count = %u;\n\n", count);
    emit_type_index(f);
    emit_tag_texts(f);
    emit_meanings(f);
    close_out(f);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "--quickfix-xml")) {
        dict_read(argv[2]);
        FILE *f = open_out(argv[3]);
        emit_quickfix_xml(f);
        close_out(f);
        return 0;
    }
    if (argc != 4)
        die("usage: fix_gen FIX44.txt fix_dict.h fix_dict.c");
    dict_read(argv[1]);
    emit_header(argv[2]);
    emit_tables(argv[3]);
    return 0;
}
