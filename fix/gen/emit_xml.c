#include "fix/gen/emit.h"

#include "fix/gen/dict_read.h"

static void emit_list(FILE *f, int node, bool required)
{
    for (; node >= 0; node = dict.nodes[node].next) {
        const struct node *n = &dict.nodes[node];
        const char *yes = n->required && required ? "Y" : "N";
        if (n->kind == NODE_COMPONENT) {
            emit_list(f, dict.blocks[n->what].first, n->required && required);
        } else if (n->kind == NODE_GROUP) {
            fprintf(f, "<group name='%s' required='%s'>\n", dict.fields[n->what].name, yes);
            emit_list(f, n->child, true);
            fputs("</group>\n", f);
        } else {
            fprintf(f, "<field name='%s' required='%s'/>\n", dict.fields[n->what].name, yes);
        }
    }
}

static void emit_block(FILE *f, const char *element, enum block_kind kind)
{
    fprintf(f, "<%s>\n", element);
    emit_list(f, dict.blocks[dict_block_of_kind(kind)].first, true);
    fprintf(f, "</%s>\n", element);
}

void emit_quickfix_xml(FILE *f)
{
    fputs("<fix type='FIX' major='4' minor='4'>\n", f);
    emit_block(f, "header", BLOCK_HEADER);
    fputs("<messages>\n", f);
    for (int i = 0; i < dict.block_count; i++) {
        const struct block *b = &dict.blocks[i];
        if (b->kind != BLOCK_MESSAGE)
            continue;
        fprintf(f, "<message name='%s' msgtype='%s' msgcat='%s'>\n", b->name, b->type,
                b->admin ? "admin" : "app");
        emit_list(f, b->first, true);
        fputs("</message>\n", f);
    }
    fputs("</messages>\n", f);
    emit_block(f, "trailer", BLOCK_TRAILER);
    fputs("<fields>\n", f);
    for (int i = 0; i < dict.field_count; i++) {
        const struct field *x = &dict.fields[i];
        fprintf(f, "<field number='%d' name='%s' type='%s'>\n", x->tag, x->name, x->type);
        for (int v = 0; v < x->value_count; v++) {
            const struct value *value = &dict.values[x->first_value + v];
            fprintf(f, "<value enum='%s' description='%s'/>\n", value->text, value->meaning);
        }
        fputs("</field>\n", f);
    }
    fputs("</fields>\n</fix>\n", f);
}
