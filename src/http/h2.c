#include "http/request.h"

void conn_start_h2(struct conn *c)
{
    conn_kill(c);
}

const struct protocol h2_protocol = {0};
