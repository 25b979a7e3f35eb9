#!/usr/bin/python3
"""A small world of mail hosts in namespaces, to make real bounces and replies.

Each site is a chroot (overlay over Debian trees made by trees.sh) with its own
network, pid and host name space, joined by one bridge. Beside the sites run a
DNS server, an SMTP server that refuses by script, and the trap's own MX (a real
Postfix) that hands everything by LMTP to the sink here. Nothing leaves the
namespaces. Run through ./make.sh, which makes the outer namespaces.
SPDX-License-Identifier: ISC
"""
import os
import re
import smtplib
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

TREES = os.environ['TREES']          # made by trees.sh: base/ and ov/NAME/up
OUT = os.environ['OUT']              # KIND/SOFTWARE-WHAT.eml
RUN = os.environ.get('RUN', '/run/maillab')

MX = '192.0.2.25'
SINK = '192.0.2.2'
REFUSE = '203.0.113.10'
CLOSED = '203.0.113.99'
DNS = '192.0.2.53'
BOTS = ['203.0.113.177', '203.0.113.201', '192.0.2.140', '203.0.113.14']

A = {'mx1.example.com.': MX, 'mx.hansa-druck.test.': REFUSE, 'mx.closed.test.': CLOSED,
     'dsl-77.pool.example.net.': BOTS[0], 'mail.blumen-weiss.test.': BOTS[3],
     'host201.static.example.net.': BOTS[1]}
TXT = {}
MXS = {'example.com.': 'mx1.example.com.', 'trap.example.': 'mx1.example.com.', 'spamfang.test.': 'mx1.example.com.',
       'closed.test.': 'mx.closed.test.', 'nullmx.test.': '.'}
REFUSALS = {
    'hansa-druck.test': ('rcpt', '550 5.1.1 <%s>: Recipient address rejected: User unknown in virtual mailbox table'),
    'nordwind.test': ('rcpt', '552 5.2.2 <%s>: Mailbox full, quota exceeded'),
    'polaris.test': ('data', '554 5.7.1 Message rejected as spam by content filter, id=48213-07'),
    'sequoia.test': ('rcpt', '550-5.7.1 Service unavailable; client host blocked using bl.example.net\r\n'
                             '550-5.7.1 see http://www.example.net/query\r\n550 5.7.1 %s'),
    'kleinholz.test': ('rcpt', '550 no such user here'),
    'riviere.test': ('rcpt', '550 5.1.1 Adresse destinataire inconnue: <%s>'),
    'muelheim.test': ('rcpt', '550 5.1.1 Empf\u00e4nger <%s> unbekannt'),
    'greyhound.test': ('rcpt', '451 4.7.1 <%s>: Recipient address rejected: Greylisted, please try again later'),
    'slowpoke.test': ('mail', '421 4.3.2 too busy, try again later'),
    'closing.test': ('mail', '554 5.7.1 mail from your network is not accepted here'),
    'ok.test': (None, None),
}
for d in REFUSALS:
    MXS[d + '.'] = 'mx.hansa-druck.test.'


EXIM_HEAD = '''cat > /etc/exim4/exim4.conf <<'X'
primary_hostname = mail.%s
domainlist local_domains = %s
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin acl
accept:
  accept
begin routers
lookup:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  no_more
'''
EXIM_SMTP = '''begin transports
remote_smtp:
  driver = smtp
  hosts_avoid_tls = *
  hosts_try_fastopen =
'''
EXIM_END = '''begin retry
*  *  F,10s,3s
X
'''


def qname(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode('latin-1'))
        at += 1 + data[at]
    return '.'.join(labels).lower() + '.', at + 1


def wire(name):
    return b''.join(bytes([len(p)]) + p.encode() for p in name.rstrip('.').split('.') if p) + b'\0'


def dns_answer(q):
    name, at = qname(q, 12)
    kind, = struct.unpack('>H', q[at:at + 2])
    known = name in A or name in MXS or name.endswith('in-addr.arpa.')
    rr = b''
    if kind == 1 and name in A:
        rr = socket.inet_aton(A[name])
    elif kind == 15 and name in MXS:
        rr = struct.pack('>H', 0 if MXS[name] == '.' else 10) + wire(MXS[name])
    elif kind == 12 and name.endswith('in-addr.arpa.'):
        ip = '.'.join(reversed(name.split('.')[:4]))
        hosts = [h for h, a in A.items() if a == ip]
        rr = wire(hosts[0]) if hosts else b''
        known = bool(hosts)
    elif kind == 16 and name in TXT:
        rr = bytes([len(TXT[name])]) + TXT[name].encode()
        known = True
    head = q[:2] + struct.pack('>HHHHH', 0x8580 | (0 if known else 3), 1, 1 if rr else 0, 0, 0)
    body = q[12:at + 4]
    if rr:
        body += b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 300, len(rr)) + rr
    return head + body


class Dns(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        try:
            sock.sendto(dns_answer(data), self.client_address)
        except (IndexError, struct.error):
            pass


class DnsTcp(socketserver.StreamRequestHandler):
    def handle(self):
        n = self.rfile.read(2)
        if len(n) == 2:
            a = dns_answer(self.rfile.read(struct.unpack('>H', n)[0]))
            self.wfile.write(struct.pack('>H', len(a)) + a)


class Refuse(socketserver.StreamRequestHandler):
    """The other side: refuses as REFUSALS says for the recipient's domain."""

    def say(self, text):
        self.wfile.write(text.encode('utf-8') + b'\r\n')

    def handle(self):
        self.say('220 mx.hansa-druck.test ESMTP ready')
        data_says = None
        for raw in self.rfile:
            line = raw.decode('utf-8', 'replace').strip()
            verb = line.upper().split(' ')[0]
            if verb == 'EHLO':
                self.say('250-mx.hansa-druck.test\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 40000')
            elif verb == 'RCPT':
                rcpt = line[line.find('<') + 1:line.find('>')]
                when, text = REFUSALS.get(rcpt.split('@')[-1], ('rcpt', '550 5.7.1 <%s>: Relay access denied'))
                if when in ('rcpt', 'mail'):
                    self.say(text % rcpt if '%s' in text else text)
                    if text.startswith('421'):
                        return
                else:
                    data_says = text
                    self.say('250 2.1.5 Ok')
            elif verb == 'DATA':
                self.say('354 go ahead')
                for part in self.rfile:
                    if part.rstrip(b'\r\n') == b'.':
                        break
                self.say(data_says or '250 2.0.0 Ok: queued')
            elif verb == 'QUIT':
                self.say('221 2.0.0 Bye')
                return
            else:
                self.say('250 2.0.0 Ok')


class Sink:
    """LMTP server: keeps what reaches a trap under the label given to it."""

    def __init__(self):
        self.labels = {}
        self.count = 0
        self.names = {}
        self.lock = threading.Lock()
        self.last = time.time()

    def keep(self, sender, rcpt, data):
        kind, what = self.labels.get(rcpt.lower(), ('unlabelled', rcpt))
        low = data.lower()
        if kind == 'dsn' and (b'\naction: delayed' in low or b'subject: warning: message' in low
                              or b'subject: warning: could not send' in low or b'not a bounce' in low[:6000]):
            kind = 'delay'
        if kind == 'confirm' and b'subject: [club' in low:
            kind, what = 'list', what + '-member'
        if callable(what):
            what = what(data)
        with self.lock:
            self.count += 1
            self.last = time.time()
            n = self.names[kind, what] = self.names.get((kind, what), 0) + 1
            d = os.path.join(OUT, kind)
            os.makedirs(d, exist_ok=True)
            name = what if n == 1 else '%s-%d' % (what, n)
            with open(os.path.join(d, name + '.eml'), 'wb') as f:
                f.write(b'X-Envelope-From: <' + sender.encode('utf-8', 'surrogateescape') + b'>\r\n' + data)
        print('%-14s %s <%s> %d bytes' % (kind, name, sender, len(data)), flush=True)


SINKS = Sink()


class Lmtp(socketserver.StreamRequestHandler):
    def handle(self):
        w = self.wfile.write
        w(b'220 sink LMTP\r\n')
        sender, rcpts = '', []
        for raw in self.rfile:
            line = raw.decode('utf-8', 'surrogateescape').strip()
            verb = line.upper().split(' ')[0]
            if verb == 'LHLO':
                w(b'250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n')
            elif verb == 'MAIL':
                sender, rcpts = line[line.find('<') + 1:line.find('>')], []
                w(b'250 2.1.0 Ok\r\n')
            elif verb == 'RCPT':
                rcpts.append(line[line.find('<') + 1:line.find('>')])
                w(b'250 2.1.5 Ok\r\n')
            elif verb == 'DATA':
                w(b'354 go\r\n')
                data = []
                for part in self.rfile:
                    if part == b'.\r\n':
                        break
                    data.append(part[1:] if part.startswith(b'.') else part)
                for r in rcpts:
                    SINKS.keep(sender, r, b''.join(data))
                    w(b'250 2.0.0 Ok\r\n')
            elif verb == 'QUIT':
                w(b'221 Bye\r\n')
                return
            else:
                w(b'250 2.0.0 Ok\r\n')


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def spawn(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def sh(text):
    subprocess.run(['sh', '-ec', text], check=True)


SITES = {}


def world():
    """The bridge, the servers of our own and the trap's MX."""
    sh('ip link set lo up; ip link add br0 type bridge; ip link set br0 up; ip route add default dev br0')
    for ip in [MX, SINK, REFUSE, DNS] + BOTS:
        if ip != MX:
            sh('ip addr add %s/32 dev br0' % ip)
    udp = socketserver.ThreadingUDPServer((DNS, 53), Dns)
    spawn(udp)
    spawn(Server((DNS, 53), DnsTcp))
    spawn(Server((REFUSE, 25), Refuse))
    spawn(Server((SINK, 2424), Lmtp))
    site('mx', 'postfix', 'mx1.example.com', MX, POSTFIX_START % '''
postconf -e relay_domains=trap.example,example.com,spamfang.test "relay_transport=lmtp:inet:[192.0.2.2]:2424" \
 mydestination= mynetworks=127.0.0.1 smtpd_recipient_restrictions=reject_unauth_destination \
 message_size_limit=20000000 smtpd_relay_restrictions=reject_unauth_destination smtpd_client_connection_rate_limit=0 smtpd_client_connection_count_limit=0 \
 smtpd_client_event_limit_exceptions=0.0.0.0/0
''')
    wait_port(MX, 25)


POSTFIX_START = '''
echo $(hostname -f) > /etc/mailname
: > /etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
sed -i 's/^\\(smtp *unix .*\\) n *\\(-  *- *smtp\\)$/&/; s/^\\([a-z].*\\)  y  /\\1  n  /' /etc/postfix/master.cf
postconf -e compatibility_level=3.6 maillog_file=/var/log/postfix.log maillog_file_prefixes=/var \
 inet_protocols=ipv4 smtp_dns_support_level=enabled smtp_tls_security_level=none smtpd_tls_security_level=none \
 alias_maps=lmdb:/etc/aliases alias_database=lmdb:/etc/aliases default_database_type=lmdb smtpd_banner='$myhostname ESMTP Postfix (Debian/GNU)'
%s
newaliases
postfix start
'''


def wait_port(ip, port, secs=40):
    end = time.time() + secs
    while time.time() < end:
        try:
            socket.create_connection((ip, port), 2).close()
            return True
        except OSError:
            time.sleep(0.2)
    print('no answer from %s:%d' % (ip, port), flush=True)
    return False


def site(name, tree, host, ip, script, port=0):
    """Start a chroot of its own; script runs in it as root, then it stays."""
    A[host + '.'] = ip
    MXS.setdefault(host.split('.', 1)[1] + '.', host + '.')
    root = '%s/%s' % (RUN, name)
    for d in ('up', 'wk', 'm'):
        os.makedirs('%s/%s' % (root, d), exist_ok=True)
    lower = '%s/base' % TREES if tree == 'base' else '%s/ov/%s/up:%s/base' % (TREES, tree, TREES)
    m = root + '/m'
    sh('mount -t overlay o -o lowerdir=%s,upperdir=%s/up,workdir=%s/wk %s' % (lower, root, root, m))
    with open(m + '/etc/resolv.conf', 'w') as f:
        f.write('nameserver %s\noptions timeout:2 attempts:2\n' % DNS)
    with open(m + '/etc/hosts', 'w') as f:
        f.write('127.0.0.1 localhost\n%s %s %s\n' % (ip, host, host.split('.')[0]))
    with open(m + '/etc/hostname', 'w') as f:
        f.write(host + '\n')
    with open(m + '/site.sh', 'w') as f:
        f.write('export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8\n'
                '(socat -u UNIX-RECV:/dev/log,mode=666 OPEN:/var/log/all.log,creat,append &)\n'
                + script + '\nexec sleep 100000\n')
    log = open(root + '/log', 'wb')
    env = {'PATH': os.environ['PATH'], 'HOME': '/root', 'TZ': 'UTC'}
    p = subprocess.Popen(['unshare', '-n', '-u', '-p', '-f', '--kill-child', 'bash', '-c',
                          'hostname %s; read x; ip link set lo up; ip addr add %s/32 dev eth0; ip link set eth0 up; '
                          'ip route add default dev eth0; mount -t proc proc %s/proc; exec chroot %s bash /site.sh'
                          % (host, ip, m, m)],
                         stdin=subprocess.PIPE, stdout=log, stderr=log, env=env)
    time.sleep(0.2)
    v = 'v' + str(len(SITES))
    sh('ip link add %s type veth peer name eth0 netns %d; ip link set %s master br0 up; ip route add %s dev br0'
       % (v, p.pid, v, ip))
    p.stdin.write(b'\n')
    p.stdin.close()
    SITES[name] = (p, ip, m, v)
    return wait_port(ip, port) if port else True


def run_in(name, command, data=None, wait=True):
    """Run a shell command in a site's chroot and namespaces."""
    p, _, m, _ = SITES[name]
    child = open('/proc/%d/task/%d/children' % (p.pid, p.pid)).read().split()[0]
    r = subprocess.Popen(['nsenter', '-t', child, '-n', '-u', '-p', 'chroot', m, 'bash', '-c',
                          'export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin; ' + command],
                         stdin=subprocess.PIPE, stdout=open('%s/%s/run.log' % (RUN, name), 'ab'),
                         stderr=subprocess.STDOUT)
    if wait:
        try:
            r.communicate(data, timeout=60)
        except subprocess.TimeoutExpired:
            r.kill()
            print('timeout in %s: %s' % (name, command[:80]), flush=True)
    return r


def stop(name):
    p, ip, m, v = SITES[name]
    p.kill()
    p.wait()
    logs = os.environ.get('LOGS')
    if logs:
        subprocess.run(['sh', '-c', 'mkdir -p {0}; cp {1}/log {0}/site.log; cp {1}/run.log {0}/; cp -r {1}/m/var/log {0}/'
                        .format(logs + '/' + name, RUN + '/' + name)], stderr=subprocess.DEVNULL)
    subprocess.run(['sh', '-c', 'ip link del %s; ip route del %s dev br0; umount %s/proc; umount %s' % (v, ip, m, m)],
                   stderr=subprocess.DEVNULL)


GIVEN = ['anna', 'info', 'jan', 'sales', 'karl.weber', 'm.lind', 'office', 'petra', 'contact', 'webmaster2', 'tom.hale',
         'lucie', 'kundendienst', 'p.novak', 'rita', 'shop', 'iwona.k', 'serge', 'billing', 'yuki']
SERIAL = [0]


def exim_site(domain, first, routers, transports, last=''):
    """A site's script: what comes first, exim's configuration with routers and transports of its own, what comes last."""
    return first + EXIM_HEAD % (domain, domain) + routers + EXIM_SMTP + transports + EXIM_END + last + 'exim4 -bd -q3s\n'


def trap(kind, what):
    """A fresh trap address; what reaches it is kept as kind/what."""
    n = SERIAL[0]
    SERIAL[0] += 1
    local = '%s%s' % (GIVEN[n % len(GIVEN)], '' if n < len(GIVEN) else '-%02x' % n)
    addr = '%s@%s' % (local, ['trap.example', 'example.com', 'spamfang.test'][n % 3])
    SINKS.labels[addr] = (kind, what)
    return addr


def inject(ip, sender, rcpts, data, bot=0, helo=None, port=25, options=()):
    """Send as a stranger would; returns the refusals, does not raise."""
    if isinstance(data, str):
        data = data.encode()
    data = re.sub(rb'\r?\n', b'\r\n', data)
    try:
        s = smtplib.SMTP(local_hostname=helo or 'dsl-77.pool.example.net', timeout=30, source_address=(BOTS[bot], 0))
        s.connect(ip, port)
        s.sendmail(sender, rcpts, data, mail_options=list(options))
        s.quit()
    except (smtplib.SMTPException, OSError) as e:
        print('inject %s -> %s at %s: %s' % (sender, rcpts, ip, e), flush=True)
        return False
    return True


def settle(quiet=4, most=40, want=None):
    """Wait until nothing has arrived for a while, or want messages have."""
    start, base = time.time(), SINKS.count
    SINKS.last = start
    while time.time() - start < most and time.time() - SINKS.last < quiet:
        if want is not None and SINKS.count - base >= want:
            return
        time.sleep(0.2)


def main(makers, names):
    """Run those named on the command line, else all; one that fails does not stop the others."""
    world()
    for name in sys.argv[1:] or names.split():
        print('==', name, flush=True)
        try:
            makers[name]()
        except Exception as e:
            print(name, 'failed:', repr(e), flush=True)
