"""A mail site in network namespaces: a real Postfix, several client hosts, limetwigd, and witnesses.

Standard library only. Everything lives in unnamed namespaces that end with
this process (also when it is killed), and in their own tmpfs: nothing of the
host's /etc, /var, /run or network is touched.
"""
