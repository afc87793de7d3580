#include "access/certificate.h"

#include "base/glob.h"

#include <openssl/x509v3.h>
#include <time.h>

static const char *const kinds[] = {"CN=", "DNS=", "URI=", "EMAIL="};

static void add_name(struct arena *a, struct certificate_names *out, const char *kind,
                     struct slice name)
{
    if (name.n == 0 || name.n > CERTIFICATE_NAME_MAX_BYTES || out->count == CERTIFICATE_MAX_NAMES)
        return;
    for (size_t i = 0; i < name.n; i++) {
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
            return;
    }
    if (slice_is_utf8(name))
        out->rows[out->count++] = arena_printf(a, "%s%.*s", kind, SLICE_ARG(name));
}

static void add_common_name(struct arena *a, X509 *cert, struct certificate_names *out)
{
    unsigned char *utf8 = NULL;
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n >= 0)
        add_name(a, out, "CN=", slice_make((const char *)utf8, (size_t)n));
    OPENSSL_free(utf8);
}

static void add_alternative(struct arena *a, const GENERAL_NAME *name,
                            struct certificate_names *out)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const char *kind = type == GEN_DNS     ? "DNS="
                       : type == GEN_URI   ? "URI="
                       : type == GEN_EMAIL ? "EMAIL="
                                           : NULL;
    if (kind)
        add_name(a, out, kind,
                 slice_make((const char *)ASN1_STRING_get0_data(value),
                            (size_t)ASN1_STRING_length(value)));
}

void certificate_names_read(struct arena *a, X509 *cert, struct certificate_names *out)
{
    out->count = 0;
    add_common_name(a, cert, out);
    GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++)
        add_alternative(a, sk_GENERAL_NAME_value(list, i), out);
    GENERAL_NAMES_free(list);
}

int64_t certificate_expires_unix_s(const X509 *cert)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return 0;
    return timegm(&tm);
}

bool certificate_pattern_is_valid(struct slice pattern)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct slice kind = slice_of(kinds[i]);
        if (slice_starts(pattern, kind))
            return pattern.n > kind.n;
    }
    return false;
}

bool certificate_matches(const struct certificate_names *names, struct slice pattern)
{
    for (size_t i = 0; i < names->count; i++) {
        if (glob_match(pattern, names->rows[i]))
            return true;
    }
    return false;
}
