# shellcheck shell=bash
# shellcheck disable=SC2034 # shared with entrypoint.sh: usage out
# What a job uses, by its container's own cgroup: a hint for choosing a profile, never for a bill. Looked at when process 1
# wakes anyway. A job that is root here could put what it likes in these files: only whole numbers are taken.

readonly CGROUP=/sys/fs/cgroup
readonly WINDOW_US=1000000 # a shorter one says more of the moment than of the job

cpu_us=        # used up to the last look; empty where the kernel tells nothing
job_cpu_us=    # when the job began
window_at_us=0 # when the last window ended, and what was used by then
window_cpu_us=0
cpu_peak_units= # the highest seen; 1,024 units are one CPU
memory_peak_mib=

# Call it when the job begins.
begin_usage() {
  look_at_usage
  job_cpu_us=$cpu_us window_cpu_us=$cpu_us window_at_us=${EPOCHREALTIME/[!0-9]/}
}

# sample_usage [MICROSECONDS]: ends the window if it was that long, and begins the next.
sample_usage() {
  local at_us=${EPOCHREALTIME/[!0-9]/} units
  if [[ -z $job_cpu_us ]] || ((at_us - window_at_us < ${1:-WINDOW_US})); then return 0; fi
  look_at_usage
  [[ -n $cpu_us ]] || return 0
  units=$(((cpu_us - window_cpu_us) * 1024 / (at_us - window_at_us)))
  if ((units > ${cpu_peak_units:--1})); then cpu_peak_units=$units; fi
  window_at_us=$at_us window_cpu_us=$cpu_us
}

# Sets usage to members of a phase line; to none where the kernel tells nothing.
end_usage() {
  local most=null
  usage=()
  # Of a job that was shorter than a window all there is.
  if [[ -z $cpu_peak_units ]]; then sample_usage 1; else sample_usage; fi
  [[ -n $job_cpu_us && -n $cpu_us ]] || return 0
  if number_in "$CGROUP/memory.peak"; then most=$((number >> 20)); fi
  usage=(cpu_ms "$(((cpu_us - job_cpu_us) / 1000))" cpu_peak_units "${cpu_peak_units:-null}"
    memory_peak_mib "${memory_peak_mib:-null}" memory_most_mib "$most")
}

# The working set is what a smaller container could not do without: file pages that nobody used lately go when memory is
# short, and the kernel's own peak has them too [KERNEL-MEMORY-PEAK].
look_at_usage() {
  local bytes
  cpu_us=
  if number_of usage_usec "$CGROUP/cpu.stat"; then cpu_us=$number; fi
  number_in "$CGROUP/memory.current" || return 0
  bytes=$number
  if number_of inactive_file "$CGROUP/memory.stat" && ((number < bytes)); then bytes=$((bytes - number)); fi
  if ((bytes >> 20 > ${memory_peak_mib:--1})); then memory_peak_mib=$((bytes >> 20)); fi
}

# number_in FILE: the whole number that is all it holds, into number.
number_in() {
  number=
  [[ -f $1 ]] && read -r number <"$1" && is_number
} 2>/dev/null

# number_of NAME FILE: the number in NAME's line, into number.
number_of() {
  local name
  [[ -f $2 ]] || return 1
  while read -r name number; do
    if [[ $name == "$1" ]]; then
      is_number
      return $?
    fi
  done <"$2"
  return 1
} 2>/dev/null

# Before any arithmetic: bash would evaluate what is none.
is_number() {
  [[ $number =~ ^(0|[1-9][0-9]{0,17})$ ]]
}
