#!/usr/bin/env bash
# The design stage through a real Slurm: a controller and a node on this machine.
#
#   1. runs the stage here, without Slurm;
#   2. runs it through Slurm (profiles/slurm), cancels one of its jobs half-way, and lets Snakemake send it again;
#   3. shows that both runs made the same bytes.
#
# Needs root, slurmctld, slurmd and munged (Debian: slurm-wlm munge). Ends with status 77 and the reason where one of
# them is missing. Takes one to three minutes. It writes /etc/slurm/slurm.conf (job steps read no other place) and puts
# an earlier one back; it stops only the daemons that it started.
set -euo pipefail
repository="$(cd "$(dirname "$0")/../.." && pwd)"
python="${PYTHON:-$repository/.venv/bin/python}"

skip() {
    echo "skipped: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "a Slurm of one's own needs root"
for program in slurmctld slurmd munged sbatch squeue scancel; do
    command -v "$program" >/dev/null || skip "$program is not installed (Debian: apt install slurm-wlm munge)"
done
"$python" -c "import snakemake_executor_plugin_slurm" 2>/dev/null || skip "snakemake-executor-plugin-slurm is not installed"
[ -z "$(pgrep -x slurmctld || true)" ] || skip "a slurmctld is already running on this machine"

work="$(mktemp -d)"
chmod 755 "$work"
host="$(hostname -s)"
started=()
kept=""
[ -e /etc/slurm/slurm.conf ] && kept="$work/slurm.conf.kept" && cp -p /etc/slurm/slurm.conf "$kept"

clean_up() {
    local status=$?
    for pid in ${snakemake_pid:-} $(printf '%s\n' "${started[@]:-}" | tac); do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -f /etc/slurm/slurm.conf
    [ -z "$kept" ] || cp -p "$kept" /etc/slurm/slurm.conf
    if [ $status -ne 0 ]; then
        echo "left for inspection: $work"
    else
        rm -rf "$work"
    fi
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

# --- a cluster of one node ---------------------------------------------------------------------------------------
if ! munge -n </dev/null >/dev/null 2>&1; then
    [ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none; }
    chown munge: /etc/munge/munge.key && chmod 400 /etc/munge/munge.key
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid=munge --regid=munge --clear-groups munged --foreground >"$work/munged.log" 2>&1 &
    started+=($!)
    for _ in $(seq 50); do munge -n </dev/null >/dev/null 2>&1 && break; sleep 0.2; done
fi
memory="$(slurmd -C | sed -n 's/.*RealMemory=\([0-9]*\).*/\1/p')"
mkdir -p /etc/slurm "$work/slurm/state" "$work/slurm/spool"
cat >/etc/slurm/slurm.conf <<CONFIGURATION
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
MinJobAge=600
KillWait=2
ReturnToService=2
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=$memory State=UNKNOWN
PartitionName=debug Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
slurmctld -D >"$work/slurm/controller.out" 2>&1 &
started+=($!)
sleep 1
slurmd -D >"$work/slurm/node.out" 2>&1 &
started+=($!)
for _ in $(seq 100); do
    sinfo --noheader --format=%t 2>/dev/null | grep -qx idle && break
    sleep 0.3
done
sinfo --noheader --format=%t | grep -qx idle || { cat "$work"/slurm/*.log; exit 1; }
say "Slurm is up: $(sinfo --version), one node, 4 CPUs"

# --- a copy of the working tree, with a stage long enough to be cancelled -----------------------------------------
copy="$work/copy"
mkdir "$copy"
(cd "$repository" && tar cf - Snakefile requirements.lock pyproject.toml config manuscript workflow profiles) | tar xf - -C "$copy"
cd "$copy"
export PYTHONPATH="$copy/workflow"
for run in local slurm; do
    cat >"$run.yaml" <<CONFIGURATION
run: $run
design:
  chunks: 3
  diagnosticity: {studies: ${STUDIES:-3000}, scenarios: [as_reported, equal_aspects, reversed], gaps: [0]}
  power: {studies: 500, therapists: [23], clients: [4], indirect: [0.15], icc: [0.05]}
  coverage: {studies: 100, bootstrap_studies: 5, replicates: 50}
  recovery: {studies: 3}
  sbc: null
  surface: null
  posterior: null
  forecast: null
  attempts: null
CONFIGURATION
done
tables="diagnosticity likelihood_ratios power smallest_designs coverage recovery"
targets() { for table in $tables; do echo "results/$1/design/$table.csv"; done; }

say "the stage without Slurm"
# shellcheck disable=SC2046
"$python" -m snakemake --quiet all --cores 2 $(targets local) --configfile local.yaml >"$work/local.out" 2>&1 || {
    cat "$work/local.out"; exit 1; }

say "the same through Slurm"
# shellcheck disable=SC2046
"$python" -m snakemake --profile profiles/slurm --jobs 4 \
    --slurm-status-command squeue --slurm-init-seconds-before-status-checks 8 --seconds-between-status-checks 4 \
    $(targets slurm) --configfile slurm.yaml >"$work/slurm.out" 2>&1 &
snakemake_pid=$!

# Cancel the first job that has been running for three seconds and has not finished.
victim=""
for _ in $(seq 200); do
    victim="$(squeue --noheader --states=RUNNING --format='%i %M' |
        awk '{ split($2, t, ":"); if (t[length(t)] + 60 * t[length(t) - 1] >= 3) { print $1; exit } }')"
    [ -z "$victim" ] || break
    kill -0 "$snakemake_pid" 2>/dev/null || break
    sleep 0.5
done
[ -n "$victim" ] || { echo "no job could be caught while it was running"; cat "$work/slurm.out"; exit 1; }
scancel "$victim"
say "job $victim is cancelled half-way"

wait "$snakemake_pid" || { cat "$work/slurm.out"; exit 1; }
snakemake_pid=""
grep -qi "trying to restart job\|Restarting job\|attempt" "$work/slurm.out" ||
    { echo "the cancelled job was not sent again"; cat "$work/slurm.out"; exit 1; }
say "Snakemake sent it again and ended well: $(grep -c "has been submitted with SLURM jobid" "$work/slurm.out") submissions"

# --- the same bytes ----------------------------------------------------------------------------------------------
for table in $tables; do
    cmp "results/local/design/$table.csv" "results/slurm/design/$table.csv"
    say "equal: design/$table.csv ($(wc -l <"results/slurm/design/$table.csv") lines)"
done
say "the retried run's bytes equal the local run's"
