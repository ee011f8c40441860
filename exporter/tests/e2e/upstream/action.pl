# What the actions of rules have in common. Each is a script of its own after this: it is told its marker and a folder.
use Socket;
my ($m, $d, $inside) = @ARGV;

# An address of the outside world, in a network namespace of its own.
my $outside = "198.51.100.7";

# Runs a program of this name, which does nothing and is told these words.
sub run {
    my $name = shift;
    program($name);
    system("$d/$name", @_) == 0 or die $name;
}

# Makes it.
sub program {
    system("cp", "/bin/true", "$d/$_[0]") == 0 or die "cp";
}

sub call {
    my $name = shift;
    exists $call{$name} or die $name;
    return syscall($call{$name}, @_);
}

# Puts an empty folder over this one, for this process alone.
sub cover {
    call("unshare", 0x20000) == 0 or die "unshare: $!";
    system("mount", "--make-rprivate", "/") == 0 or die "mount";
    system("mount", "-t", "tmpfs", "none", $_[0]) == 0 or die "mount";
}

sub folder {
    my $path = "";
    for (split m{/}, substr($_[0], 1)) {
        $path .= "/$_";
        mkdir $path;
    }
    -d $path or die $path;
}

sub write_to {
    open(my $file, ">", $_[0]) or die "$_[0]: $!";
}

sub read_from {
    open(my $file, "<", $_[0]) or die "$_[0]: $!";
}

# Has these addresses, alone on its network.
sub network {
    call("unshare", 0x40000000) == 0 or die "unshare: $!";
    system("ip", "link", "set", "lo", "up") == 0 or die "ip";
    for (@_) {
        system("ip", "addr", "add", "$_/32", "dev", "lo") == 0 or die "ip";
    }
}

sub name {
    $0 = $_[0];
}

# Connects to this address and port, where somebody listens.
sub connect_to {
    my $to = pack_sockaddr_in($_[1], inet_aton($_[0]));
    socket(L, 2, 1, 0) && bind(L, $to) && listen(L, 1) or die "listen: $!";
    socket(C, 2, 1, 0) && connect(C, $to) or die "connect: $!";
}

# The same, and takes the connection.
sub accept_at {
    connect_to(@_);
    accept(A, L) or die "accept: $!";
}

sub connect_by_datagram {
    my $to = pack_sockaddr_in($_[1], inet_aton($_[0]));
    socket(C, 2, 2, 0) && connect(C, $to) or die "connect: $!";
}

# Overlays two folders, the lower one with a program in it, and runs one.
sub overlay {
    system("mount", "-t", "tmpfs", "none", $d) == 0 or die "mount";
    mkdir "$d/$_" for ("lower", "upper", "work", "all");
    system("cp", "/bin/true", "$d/lower/old") == 0 or die "cp";
    my $layers = "lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work";
    system("mount", "-t", "overlay", "-o", $layers, "none", "$d/all") == 0 or die "mount";
    system("cp", "/bin/true", "$d/all/new") == 0 or die "cp";
    my $failed = system("$d/all/$_[0]", $m);
    system("umount", "$d/all");
    system("umount", $d);
    $failed == 0 or die $_[0];
}

# Is another user, who may do nothing.
sub become {
    $( = $) = $_[0];
    $< = $> = $_[0];
    $> == $_[0] or die "become";
}

# Receives this over a connection, as a program that calls itself java.
sub java {
    if (!$inside) { exec {$^X} "java", $0, $m, $d, 1 }
    network();
    accept_at("127.0.0.1", 8080);
    defined send(C, $_[0], 0) or die "send: $!";
    defined recv(A, my $got, 8, 0) or die "recv: $!";
}

