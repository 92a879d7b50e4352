#!/bin/bash
# User data of the NAT instance (Amazon Linux 2023): forwards what the VPC sends to the internet, lets nothing in.
# @CIDR@ is the VPC's block, filled in at rendering; AWS::StackName and AWS::Region are filled in by CloudFormation.
# The stack waits for the signal at the end: a NAT that did not come up fails here, not ten minutes later elsewhere.
set -uo pipefail

finish() {
  # shellcheck disable=SC2016 # CloudFormation has replaced these before the shell sees them
  /opt/aws/bin/cfn-signal --exit-code "$1" --stack '${AWS::StackName}' --resource NatInstance --region '${AWS::Region}'
  exit "$1"
}

# The package manager does not fit into 512 MB beside the system: without swap it is killed now and then.
dd if=/dev/zero of=/swapfile bs=1M count=512 status=none &&
  chmod 600 /swapfile && mkswap /swapfile >/dev/null && swapon /swapfile

# Another package manager may be at work at boot, so an installation can fail and succeed a little later.
for _ in 1 2 3 4 5 6; do
  [ -x /opt/aws/bin/cfn-signal ] || dnf install -y --setopt=install_weak_deps=False aws-cfn-bootstrap
  command -v nft >/dev/null || dnf install -y --setopt=install_weak_deps=False nftables
  [ -x /opt/aws/bin/cfn-signal ] && command -v nft >/dev/null && break
  sleep 20
done

cat >/etc/sysctl.d/90-nat.conf <<'END'
net.ipv4.ip_forward = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
END
sysctl --system >/dev/null

# Read by the nftables service now and after every reboot.
cat >/etc/sysconfig/nftables.conf <<'END'
flush ruleset
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @CIDR@ ip daddr != @CIDR@ masquerade
  }
}
table ip filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ip saddr @CIDR@ accept
  }
}
END
systemctl enable --now nftables && nft list table ip nat >/dev/null && finish 0
finish 1
