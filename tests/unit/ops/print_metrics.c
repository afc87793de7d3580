/* Prints metrics after counting a few things, for the strict reader. */
#include "ops/metrics.h"

#include <stdio.h>

int main(void)
{
    BUF_SCOPED(b);
    for (int r = 0; r < ROUTE_COUNT; r++) {
        metrics_request((enum metric_route)r, 200, r % 2, 1000000LL * r * r * r, 100);
        metrics_request((enum metric_route)r, 700, false, 500000000000, 0);
        metrics_result((enum metric_route)r, (enum metric_result)(r % RESULT_COUNT));
    }
    metric_set(METRIC_RELOAD_TIME, 1790000000);
    metrics_print(&b);
    metrics_head(&b, "modgate_example", "gauge", "Rows with labels of their own.");
    metrics_row(&b, "modgate_example", "name", S("quote \" backslash \\ line\nfeed"), 1e300);
    metrics_row(&b, "modgate_example", "name", S("b"), 0.1);
    fwrite(b.p, 1, b.n, stdout);
    return 0;
}
