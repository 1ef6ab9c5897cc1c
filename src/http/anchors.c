/*
 * Who is trusted: the authorities that certificates of upstream are verified against.
 *
 * They come from one file, the configured one or the system's. A responder lets curl parse it once, for all
 * connections. A process that makes a few connections and ends has it searched instead (base/ca_bundle.h),
 * wherever that is sure to come to the same.
 */
#include <stdlib.h>
#include <strings.h>

#include "http/pool.h"

/* curl the tool reads these two, curl the library does not; administrators expect them. */
const char *anchors_from_environment(void)
{
    const char *file = getenv("CURL_CA_BUNDLE");
    return file && *file ? file : getenv("SSL_CERT_FILE");
}

static bool is_tls(const char *proxy)
{
    static const char scheme[] = "https:";

    return proxy && strncasecmp(proxy, scheme, strlen(scheme)) == 0;
}

/* Such a proxy is verified against authorities of its own, and its connections are not told from those
   to upstream where a bundle is lent to them. */
static bool proxy_may_be_tls(const struct http_settings *settings)
{
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
                                            "ALL_PROXY"};

    if (settings->proxy)
        return is_tls(settings->proxy);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (is_tls(getenv(variables[i])))
            return true;
    return false;
}

void anchors_open(struct http_pool *pool)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const char *file = pool->settings.ca_file ? pool->settings.ca_file : curl->cainfo;

    if (pool->settings.brief && file && ca_bundle_serves(curl->ssl_version) &&
        !proxy_may_be_tls(&pool->settings))
        pool->bundle = ca_bundle_open(file);
}

static CURLcode lend(CURL *easy, void *context, void *arg)
{
    struct http_pool *pool = arg;

    (void)easy;
    return ca_bundle_lend(pool->bundle, context) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

void anchors_set(struct http_pool *pool, CURL *easy)
{
    const char *file = pool->settings.ca_file;

    /* With a CA path the store is parsed anew for every connection (28 ms each). */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (pool->bundle && curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, lend) == CURLE_OK) {
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, pool);
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    } else if (file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    }
}
