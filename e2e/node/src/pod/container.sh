# Makes the root of a container, in a mount namespace of its own, and becomes its program.
# Arguments: ROOT NODE NAME PROGRAM ENTRY ro|rw FOLDERS, then SOURCE TARGET ro|rw for each volume, then -- and the
# command. FOLDERS are the machine's that the container has, without their first slash, in one word.
# It ends with 128 where it does not come so far; a program that was started has its own word.
set -eu
trap 'exit 128' EXIT
umask 022
root=$1 node=$2 name=$3 program=$4 entry=$5 writable=$6 folders=$7
shift 7

mount -t tmpfs -o mode=755 root "$root"
mkdir "$root/dev" "$root/etc" "$root/proc" "$root/run" "$root/run/node" "$root/var"
mkdir -m 1777 "$root/tmp"
ln -s ../run "$root/var/run"
for folder in $folders; do
    if [ -L "/$folder" ]; then
        cp -P "/$folder" "$root/$folder"
    elif [ -d "/$folder" ]; then
        mkdir "$root/$folder"
        mount --rbind "/$folder" "$root/$folder"
    fi
done
for device in full null random urandom zero; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done

# Links into a folder, so that what they lead to can be replaced.
mount --bind "$node" "$root/run/node"
for file in group hosts nsswitch.conf passwd; do
    ln -s "/run/node/$file" "$root/etc/$file"
done
: > "$root$entry"
mount --bind "$program" "$root$entry"

# All of that is the machine's or the node's, whatever is mounted within it. What another user namespace has set has to
# be said again.
while read -r _ _ _ _ place options _; do
    case $place in
    "$root"/*) mount -o "remount,bind,$options,ro" "$(printf '%b' "$place")" ;;
    esac
done < /proc/self/mountinfo
mount --rbind /proc "$root/proc"

while [ "$1" != -- ]; do
    # Within the root: a volume may hold a link that leads elsewhere.
    chroot "$root" mkdir -p "$2"
    mount --bind "$1" "$root$2"
    if [ "$3" = ro ]; then
        mount -o remount,bind,ro "$root$2"
    fi
    shift 3
done
shift

if [ "$writable" = ro ]; then
    mount -o remount,bind,ro "$root"
fi
# In somebody's own user namespace the file is still root's, and the call is not.
{ echo "$name" > /proc/sys/kernel/hostname; } 2> /dev/null || hostname "$name"
exec chroot "$root" "$@"
