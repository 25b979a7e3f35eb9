# bash completion for limetwig(1). It asks `limetwig help`, so it knows what this version knows.
# SPDX-License-Identifier: ISC

# Words of one usage line, behind the command: sets options, values[--option], positional.
_limetwig_read() {
	local token part pending=
	local -a tokens parts
	read -ra tokens <<<"$1"
	for token in "${tokens[@]}"; do
		token=${token#[}
		IFS='|' read -ra parts <<<"${token%]}"
		for part in "${parts[@]}"; do
			if [[ $part == --* ]]; then
				options+=("$part")
				pending=$part
			elif [[ $pending ]]; then
				values[$pending]+=" $part"
			else
				positional+=" $part"
			fi
		done
		[[ $token == *']' || ${parts[-1]:-} != --* ]] && pending=
	done
}

# What may stand for these words of a usage line: small letters are meant as they are, FILE and the like are files.
_limetwig_stand_for() {
	local word
	local -a words
	read -ra words <<<"$1"
	for word in "${words[@]}"; do
		case $word in
		FILE | DIR | MAILLOG*) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2") ;;
		[a-z]*) [[ $word == "$2"* ]] && COMPREPLY+=("$word") ;;
		esac
	done
}

_limetwig() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} name=${COMP_WORDS[1]:-} line rest
	local positional='' found=
	local -a lines options=(--json --note --conf --reveal)
	local -A values=([--note]=' TEXT' [--conf]=' FILE')

	COMPREPLY=()
	mapfile -t lines < <("${COMP_WORDS[0]/#\~/$HOME}" help 2>/dev/null | sed -n 's/^limetwig //p')
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$(printf '%s\n' "${lines[@]%% *}" | sort -u)" -- "$cur")
		return
	fi
	for line in "${lines[@]}"; do
		[[ ${line%% *} == "$name" ]] || continue
		rest=${line#"$name"}
		rest=${rest# }
		if [[ ${rest%% *} =~ ^[a-z-]+$ ]]; then
			((COMP_CWORD == 2)) && [[ ${rest%% *} == "$cur"* ]] && COMPREPLY+=("${rest%% *}")
			[[ ${COMP_WORDS[2]} == "${rest%% *}" ]] || continue
			rest=${rest#"${rest%% *}"}
		fi
		found=1
		_limetwig_read "$rest"
	done
	if ((COMP_CWORD > 2)) || [[ $found ]]; then
		if [[ $prev == --* && ${values[$prev]:-} ]]; then
			_limetwig_stand_for "${values[$prev]}" "$cur"
		elif [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$cur")
		else
			_limetwig_stand_for "$positional" "$cur"
		fi
	fi
}
complete -o filenames -F _limetwig limetwig
