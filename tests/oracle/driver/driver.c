#include "driver.h"

#include "base/encode.h"

#include <stdio.h>

enum { ARGS_MAX = 4096 };

static const struct oracle_ops *const groups[] = {
    &oracle_name_ops,
    &oracle_file_ops,
    &oracle_zip_ops,
    &oracle_sumdb_ops,
};

void oracle_result(struct oracle_call *call, struct slice result)
{
    char *hex = arena_alloc(call->a, 2 * result.n + 1);
    hex_encode((const uint8_t *)result.p, result.n, hex);
    buf_add_byte(call->out, '\t');
    buf_add(call->out, slice_of(hex));
}

void oracle_result_bool(struct oracle_call *call, bool result)
{
    oracle_result(call, result ? S("true") : S("false"));
}

void oracle_result_int(struct oracle_call *call, int64_t result)
{
    oracle_result(call, arena_printf(call->a, "%" PRId64, result));
}

static const struct oracle_op *find_op(struct slice name)
{
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        for (size_t i = 0; i < groups[g]->n; i++) {
            if (slice_eq(slice_of(groups[g]->ops[i].name), name))
                return &groups[g]->ops[i];
        }
    }
    return NULL;
}

/* Each argument gets a block of its own, so that a read beyond its end is seen. */
static struct slice decode_arg(struct arena *a, struct slice hex)
{
    char *p = xmalloc(hex.n / 2 + (hex.n == 0));
    arena_on_release(a, free, p);
    if (!hex_decode(hex, (uint8_t *)p))
        BUG("an argument that is not hexadecimal");
    return slice_make(p, hex.n / 2);
}

static void answer(struct arena *a, struct slice line, struct buf *out)
{
    const struct oracle_op *op = find_op(slice_cut(&line, '\t'));
    if (!op)
        BUG("no such op");
    struct slice *args = ARENA_ARRAY(a, struct slice, ARGS_MAX);
    struct oracle_call call = {.a = a, .args = args, .out = out};
    while (line.p && call.n_args < ARGS_MAX)
        args[call.n_args++] = decode_arg(a, slice_cut(&line, '\t'));
    if (op->n_args >= 0 && (size_t)op->n_args != call.n_args)
        BUG("%s takes %d arguments", op->name, op->n_args);
    buf_add(out, S("ok"));
    struct error *err = op->run(&call);
    if (err) {
        buf_clear(out);
        buf_add(out, S("err"));
        oracle_result(&call, error_chain(a, err));
    }
    buf_add_byte(out, '\n');
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct arena a = ARENA_INIT;
    BUF_SCOPED(out);
    while ((n = getline(&line, &cap, stdin)) > 0) {
        buf_clear(&out);
        answer(&a, slice_make(line, (size_t)n - 1), &out);
        fwrite(out.p, 1, out.n, stdout);
        fflush(stdout);
        arena_clear(&a);
    }
    arena_release(&a);
    free(line);
    return 0;
}
