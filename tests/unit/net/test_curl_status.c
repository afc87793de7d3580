#include "../test.h"

#include "net/curl_status.h"

static void test_rows(void **state)
{
    static const struct {
        CURLcode code;
        enum status status;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST, STATUS_DNS},
        {CURLE_COULDNT_RESOLVE_PROXY, STATUS_DNS},
        {CURLE_COULDNT_CONNECT, STATUS_CONNECT},
        {CURLE_SSL_CONNECT_ERROR, STATUS_TLS},
        {CURLE_PEER_FAILED_VERIFICATION, STATUS_TLS_CERT},
        {CURLE_OPERATION_TIMEDOUT, STATUS_TIMEOUT},
        {CURLE_PARTIAL_FILE, STATUS_BROKEN},
        {CURLE_RECV_ERROR, STATUS_BROKEN},
        {CURLE_HTTP2_STREAM, STATUS_BROKEN},
        {CURLE_WEIRD_SERVER_REPLY, STATUS_BAD_ANSWER},
        {CURLE_OUT_OF_MEMORY, STATUS_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(curl_status_of(rows[i].code)->status, rows[i].status);
}

/* No failure of a transfer may look like the absence of a module, nor like our own refusal. */
static void test_never_absent(void **state)
{
    for (int code = 1; code < CURL_LAST; code++) {
        const struct curl_status *row = curl_status_of((CURLcode)code);
        enum status_class class = status_class(row->status);
        assert_true(class == CLASS_UPSTREAM || class == CLASS_TIMEOUT || class == CLASS_INTERNAL ||
                    class == CLASS_INVALID);
        assert_non_null(row->reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_never_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
