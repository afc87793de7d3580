/* HTTP/1.1 on a connection, from its first byte to the last. */
#include "http_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_connection(S(""), data, size);
    return 0;
}
