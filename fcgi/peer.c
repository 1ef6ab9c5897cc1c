/* Callers' connections, as sock_diag(7) has them. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "params.h"

int peer_open(void)
{
    return socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

/* --- which connection ------------------------------------------------------------------------ */

static unsigned char read_address(const char *text, void *out)
{
    if (inet_pton(AF_INET, text, out) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, text, out) == 1 ? AF_INET6 : 0;
}

/* In network order; 0 is none. */
static uint16_t read_port(const char *text)
{
    long port;

    return str_to_long(str_from(text), &port) && port > 0 && port <= UINT16_MAX
               ? htons((uint16_t)port)
               : 0;
}

struct peer peer_from(char *const *env)
{
    struct peer p = {.id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}};
    const char *here = params_get(env, "SERVER_ADDR"), *there = params_get(env, "REMOTE_ADDR");

    if (!here || !there)
        return p;
    p.id.idiag_sport = read_port(params_get(env, "SERVER_PORT"));
    p.id.idiag_dport = read_port(params_get(env, "REMOTE_PORT"));
    unsigned char family = read_address(here, p.id.idiag_src);
    if (p.id.idiag_sport && p.id.idiag_dport && read_address(there, p.id.idiag_dst) == family)
        p.family = family;
    return p;
}

/* --- asking ---------------------------------------------------------------------------------- */

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

union answer {
    struct nlmsghdr head;
    char bytes[1024]; /* far more than there is */
};

/* Answers of questions that nobody has waited for. */
static void drain(int fd)
{
    union answer waste;

    while (recv(fd, &waste, sizeof waste, MSG_DONTWAIT) >= 0)
        ;
}

static bool send_question(int fd, const struct peer *p)
{
    struct question q = {
        .head = {.nlmsg_len = sizeof q,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = p->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = p->id},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    return sendto(fd, &q, sizeof q, 0, (struct sockaddr *)&kernel, sizeof kernel) ==
           (ssize_t)sizeof q;
}

/* The TCP state that the kernel tells; 0: there is no such connection, -1: it could not say. The
   kernel answers before it returns from send. */
static int ask(int fd, const struct peer *p)
{
    union answer a;

    drain(fd);
    if (!send_question(fd, p))
        return -1;
    ssize_t n = recv(fd, &a, sizeof a, MSG_DONTWAIT);
    if (n < (ssize_t)sizeof a.head || a.head.nlmsg_len > (size_t)n)
        return -1;
    if (a.head.nlmsg_type == NLMSG_ERROR && n >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
        return ((const struct nlmsgerr *)NLMSG_DATA(&a.head))->error == -ENOENT ? 0 : -1;
    if (a.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        n < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return -1;
    const struct inet_diag_msg *m = NLMSG_DATA(&a.head);
    /* where there is no such connection, a socket that listens at the address is found */
    return m->idiag_state == TCP_LISTEN ? 0 : m->idiag_state;
}

enum peer_state peer_look(int fd, struct peer *p)
{
    int state = fd >= 0 && p->family ? ask(fd, p) : -1;

    if (state < 0)
        return PEER_UNKNOWN;
    if (state == 0)
        return p->seen ? PEER_LEFT : PEER_UNKNOWN;
    p->seen = true;
    switch (state) {
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
        return PEER_LEFT;
    default:
        return PEER_THERE;
    }
}
