/*
 * Who is trusted: the authorities that certificates of upstream are verified against.
 *
 * curl parses a bundle once, and keeps it for all connections of a responder: 140 certificates, 28 ms. A
 * process for one request needs one of them. Where the system also keeps them in a folder under hashed
 * names, OpenSSL finds it there; that would be the wrong way for a responder, which would look there anew
 * for each connection.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "http/pool.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* curl the tool reads these, curl the library does not; administrators expect them. */
const char *anchors_file(void)
{
    const char *file = variable("CURL_CA_BUNDLE");
    return file ? file : variable("SSL_CERT_FILE");
}

static bool is_openssl(const char *tls_library)
{
    return tls_library && strncmp(tls_library, "OpenSSL/", strlen("OpenSSL/")) == 0;
}

/* NULL: the authorities are those of a file, `settings->ca_file` or else the system's bundle. */
const char *anchors_folder(const struct http_settings *settings)
{
    const char *folder = variable("SSL_CERT_DIR");

    if (settings->ca_file || folder)
        return settings->ca_file ? NULL : folder;
    return settings->brief && is_openssl(curl_version_info(CURLVERSION_NOW)->ssl_version)
               ? crypto_authorities()
               : NULL;
}

void anchors_set(const struct http_pool *pool, CURL *easy)
{
    const char *file = pool->settings.ca_file;

    curl_easy_setopt(easy, CURLOPT_CAPATH, pool->ca_folder);
    if (file || pool->ca_folder)
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
}
