"""What tests share: daemons, servers, certificates, programs. Tested where it decides."""
