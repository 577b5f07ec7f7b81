#include "fix/gen/dict_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dict dict;

static int line_number;

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "fix_gen: line %d: ", line_number);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void copy_name(char *to, size_t size, const char *from)
{
    if (strlen(from) >= size)
        die("%s is too long", from);
    strcpy(to, from);
}

static int field_by_name(const char *name)
{
    for (int i = 0; i < dict.field_count; i++)
        if (!strcmp(dict.fields[i].name, name))
            return i;
    die("no field %s", name);
}

static int component_by_name(const char *name)
{
    for (int i = 0; i < dict.block_count; i++)
        if (dict.blocks[i].kind == BLOCK_COMPONENT && !strcmp(dict.blocks[i].name, name))
            return i;
    die("no component %s before this line", name);
}

int dict_block_of_kind(enum block_kind kind)
{
    for (int i = 0; i < dict.block_count; i++)
        if (dict.blocks[i].kind == kind)
            return i;
    die("the dictionary lacks its header or trailer");
}

static void read_field(char *rest)
{
    char name[NAME_SIZE], type[24];
    int tag;
    if (sscanf(rest, "%d %71s %23s", &tag, name, type) != 3 || tag <= 0 || tag >= TAG_LIMIT)
        die("a field is: field TAG Name TYPE");
    if (dict.field_count == FIELDS_MAX || dict.by_tag[tag] >= 0)
        die("field %d is there already, or there are too many", tag);
    struct field *f = &dict.fields[dict.field_count];
    f->tag = tag;
    copy_name(f->name, sizeof f->name, name);
    copy_name(f->type, sizeof f->type, type);
    f->first_value = dict.value_count;
    dict.by_tag[tag] = dict.field_count++;
}

static void read_values(char *line)
{
    struct field *f = &dict.fields[dict.field_count - 1];
    for (char *t = strtok(line, " \n"); t; t = strtok(NULL, " \n")) {
        char *equals = strchr(t, '=');
        if (!equals || dict.value_count == VALUES_MAX)
            die("a value is: VALUE=MEANING");
        *equals = 0;
        struct value *v = &dict.values[dict.value_count++];
        copy_name(v->text, 17, t);
        copy_name(v->meaning, sizeof v->meaning, equals + 1);
        f->value_count++;
    }
}

static int new_node(char *token)
{
    if (dict.node_count == NODES_MAX)
        die("too many members");
    struct node *n = &dict.nodes[dict.node_count];
    size_t size = strlen(token);
    n->required = size && token[size - 1] == '!';
    if (n->required)
        token[size - 1] = 0;
    n->kind = token[0] == '@' ? NODE_COMPONENT : NODE_FIELD;
    n->what = n->kind == NODE_COMPONENT ? component_by_name(token + 1) : field_by_name(token);
    n->next = n->child = -1;
    return dict.node_count++;
}

/* The members' lists being read, outermost first; `tail` is where the next member's index is to be written.
 */
static int *tail[8];
static int depth;

static void read_members(char *line)
{
    int last = -1;
    for (char *t = strtok(line, " \n"); t; t = strtok(NULL, " \n")) {
        if (!strcmp(t, "{")) {
            if (last < 0 || depth == 7)
                die("a group's name comes before its {");
            dict.nodes[last].kind = NODE_GROUP;
            tail[++depth] = &dict.nodes[last].child;
        } else if (!strcmp(t, "}")) {
            if (depth-- == 0)
                die("} without {");
        } else {
            last = new_node(t);
            *tail[depth] = last;
            tail[depth] = &dict.nodes[last].next;
        }
    }
}

static void start_block(const char *kind, char *rest)
{
    if (dict.block_count == BLOCKS_MAX)
        die("too many components and messages");
    struct block *b = &dict.blocks[dict.block_count++];
    char category[8] = "";
    b->first = -1;
    if (!strcmp(kind, "header")) {
        b->kind = BLOCK_HEADER;
    } else if (!strcmp(kind, "trailer")) {
        b->kind = BLOCK_TRAILER;
    } else if (!strcmp(kind, "component")) {
        b->kind = BLOCK_COMPONENT;
        if (sscanf(rest, "%71s", b->name) != 1)
            die("a component has a name");
    } else if (!strcmp(kind, "message")) {
        b->kind = BLOCK_MESSAGE;
        if (sscanf(rest, "%3s %71s %7s", b->type, b->name, category) != 3)
            die("a message is: message TYPE Name admin|app");
        b->admin = !strcmp(category, "admin");
    } else {
        die("what is %s?", kind);
    }
    tail[depth = 0] = &b->first;
}

void dict_read(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[256], word[16];
    bool in_block = false;
    if (!f)
        die("cannot open %s", path);
    memset(dict.by_tag, -1, sizeof dict.by_tag);
    while (fgets(line, sizeof line, f)) {
        int used = 0;
        line_number++;
        if (line[0] == '#' || sscanf(line, "%15s%n", word, &used) != 1)
            continue;
        if (line[0] == ' ') {
            if (in_block)
                read_members(line);
            else
                read_values(line);
        } else if (!strcmp(word, "end")) {
            if (depth != 0)
                die("a group is open at the end of its block");
            in_block = false;
        } else if (!strcmp(word, "field")) {
            read_field(line + used);
        } else {
            start_block(word, line + used);
            in_block = true;
        }
    }
    fclose(f);
}
