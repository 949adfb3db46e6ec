#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # shared with the library
# What a cgroup's files tell of a job, and what of them is never believed.

setup() {
  cgroup=$BATS_TEST_TMPDIR/cgroup
  mkdir "$cgroup"
  # shellcheck disable=SC1090 # the library, with a cgroup that a test can write
  source <(sed "s|^readonly CGROUP=.*|readonly CGROUP=$cgroup|" "$BATS_TEST_DIRNAME/../../../../runner-image/lib/usage.sh")
  # An ordinary variable from here on: the library's clock stands still, however busy the machine is.
  unset EPOCHREALTIME
  EPOCHREALTIME=1700000000.000000
  tell 5000000 1048576000 104857600 2000000000
}

# tell CPU_US MEMORY INACTIVE_FILE PEAK
tell() {
  printf 'usage_usec %s\nuser_usec 1\nsystem_usec 2\n' "$1" >"$cgroup/cpu.stat"
  echo "$2" >"$cgroup/memory.current"
  printf 'anon 5\ninactive_anon 77\ninactive_file %s\nactive_file 3\n' "$3" >"$cgroup/memory.stat"
  echo "$4" >"$cgroup/memory.peak"
}

# Let the window have begun so many microseconds ago.
ago() {
  window_at_us=$((${EPOCHREALTIME/[!0-9]/} - $1))
}

@test "CPU is counted from the job's beginning, its peak by windows" {
  begin_usage
  ago 2000000
  tell 8000000 1048576000 0 0
  sample_usage
  [ "$cpu_peak_units" = 1536 ]
  ago 5000000
  tell 8500000 1048576000 0 0
  sample_usage
  [ "$cpu_peak_units" = 1536 ]
  end_usage
  [ "${usage[0]} ${usage[1]}" = "cpu_ms 3500" ]
}

@test "a wake-up within the window ends none" {
  begin_usage
  tell 9000000 1048576000 0 0
  sample_usage
  [ -z "$cpu_peak_units" ]
}

@test "a job shorter than a window has the peak of all of it" {
  begin_usage
  ago 500000
  tell 5500000 1048576000 0 0
  end_usage
  [ "$cpu_peak_units" = 1024 ]
}

@test "memory is the working set, its peak that of all looks; the kernel's peak is told besides" {
  begin_usage
  [ "$memory_peak_mib" = 900 ]
  ago 2000000
  tell 6000000 2097152000 0 3145728000
  sample_usage
  ago 2000000
  tell 7000000 104857600 0 3145728000
  end_usage
  [ "${usage[*]:4}" = "memory_peak_mib 2000 memory_most_mib 3000" ]
}

@test "more file pages than memory, as two files read one after the other can say, are not subtracted" {
  tell 1 1048576 2097152 0
  begin_usage
  [ "$memory_peak_mib" = 1 ]
}

@test "a kernel without these files, or without some of them, is no fault" {
  rm "$cgroup/memory.peak"
  begin_usage
  end_usage
  [ "${usage[*]:6}" = "memory_most_mib null" ]
  rm -r "$cgroup"
  job_cpu_us=''
  begin_usage
  sample_usage
  end_usage
  [ "${#usage[@]}" = 0 ]
}

@test "files that vanish while the job runs leave nothing to tell" {
  begin_usage
  rm -r "$cgroup"
  ago 2000000
  sample_usage
  end_usage
  [ "${#usage[@]}" = 0 ]
}

@test "what is no whole number is never evaluated" {
  for lie in "x[\$(touch $BATS_TEST_TMPDIR/evaluated)]" '1e9' '-5' '08' '1 2' '' 99999999999999999999; do
    tell "$lie" "$lie" "$lie" "$lie"
    begin_usage
    ago 2000000
    sample_usage
    end_usage
    [ "${#usage[@]}" = 0 ]
  done
  [ ! -e "$BATS_TEST_TMPDIR/evaluated" ]
}

@test "a pipe in place of a file holds nothing up" {
  rm "$cgroup/cpu.stat"
  mkfifo "$cgroup/cpu.stat"
  begin_usage
  end_usage
  [ "${#usage[@]}" = 0 ]
}
