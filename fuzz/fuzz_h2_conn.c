/* HTTP/2 on a connection, from the first frame after the preface. */
#include "http_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_connection(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), data, size);
    return 0;
}
