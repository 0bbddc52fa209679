#!/bin/sh
# Stands in for ssh(1): runs the agent here, over a recording, or fails as the name of the host says.
# AGENT: the executable. RECORDING: the recording that agents read. TOGETHER: a new file.
while [ "$1" != "--" ]; do
  if [ "$1" = -F ]; then settings=$2; fi
  shift
done
host=$2
command=$3
hello() { printf '{"hello":{"version":"%s","protocols":[%s],"host":"%s","bootId":""}}\n' "$1" "$2" "$host"; }
case $host in
  refused*) echo "ssh: connect to host $host port 22: Connection refused" >&2; exit 255 ;;
  dead*) sleep "${DEAD_SECONDS:-1}"; echo "ssh: connect to host $host port 22: Connection timed out" >&2; exit 255 ;;
  # Fails once all hosts of this kind are being connected to.
  together*)
    echo "$host" >> "$TOGETHER"
    while [ "$(wc -l < "$TOGETHER")" -lt 100 ]; do sleep 0.1; done
    echo "ssh: connect to host $host port 22: Connection timed out" >&2
    exit 255
    ;;
  unknown*) echo "Host key verification failed." >&2; exit 255 ;;
  absent*) echo "sh: 1: sockscope: not found" >&2; exit 127 ;;
  password*) echo "sudo: a password is required" >&2; exit 1 ;;
  older*) hello 0.0.9 0; exec sleep 600 ;;
  garbage*) hello 0.1.0 1; read -r question; printf '\033]0;owned\007\n'; exec sleep 600 ;;
  endless*) hello 0.1.0 1; read -r question; exec tr '\0' x < /dev/zero ;;
  stuck*) hello 0.1.0 1; read -r question; exec sleep 600 ;;
  wider*) hello 0.1.0 1; read -r question; echo '{"rows":[{"cells":["a","b"]}]}'; exec sleep 600 ;;
  escapes*)
    hello 0.1.0 1; read -r question
    printf '%s\n' '{"rows":[{"cells":["u_str","ESTAB","0","0","\u001b[31m/tmp/x\nweb9 LISTEN","1","*","2","\u202e\n\tmore"]}]}'
    printf '%s\n' '{"note":"\u001b[2Jcleared\n"}'
    printf '%s\n' '{"end":{"status":0}}'
    exit 0
    ;;
  speaks*)
    hello 0.1.0 1; read -r question
    printf '%s\n' '{"rows":[{"object":{"host":"web1","state":"ESTAB"}}]}'
    printf '%s\n' '{"end":{"status":0}}'
    exit 0
    ;;
  cut*) hello 0.1.0 1; read -r question; printf '%s\n' '{"rows":[]}'; exit 0 ;;
  greets*) echo "Welcome to $host"; echo ;;
  questions*) hello 0.1.0 1; read -r question; printf '%s\n' "$question" >&2; exit 255 ;;
  options*) echo "$command | $(tr '\n' ',' < "$settings")" >&2; exit 255 ;;
esac
case $host in
  skewed*)
    # Its clock is 90 seconds ahead.
    "$AGENT" agent --stdio --replay "$RECORDING" | while IFS= read -r line; do
      case $line in
        *'"wallMs":'*)
          rest=${line#*'"wallMs":'}
          wall=${rest%%[!0-9]*}
          line=${line%%'"wallMs":'*}'"wallMs":'$((wall + 90000))${rest#"$wall"}
          ;;
      esac
      printf '%s\n' "$line"
    done
    ;;
  web* | db* | greets*) exec "$AGENT" agent --stdio --replay "$RECORDING" ;;
  *) exec sleep 600 ;;
esac
