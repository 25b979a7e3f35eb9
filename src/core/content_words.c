/*
 * content_words: what automatic mail says in subjects and text, by product and
 * language. Bytes of older charsets stand as they are in such mail.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_table.h"

static const struct content_rule subject_rules[] = {
	/* auto-replies: Exchange's and Outlook's own subjects in its languages, then other products */
	{ MATCH_STARTS, "automatic reply:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "auto reply", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "auto-reply", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "autoreply", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "auto:", FACT_SUBJECT_REPLY }, /* sieve vacation, RFC 5230 4.3 */
	{ MATCH_STARTS, "automated reply", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "auto response", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "auto-response", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "autoresponse", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automated response", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatic response", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "out of office", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "out of the office", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "away from my mail", FACT_SUBJECT_REPLY }, /* Sendmail's vacation */
	{ MATCH_STARTS, "vacation reply", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "away:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "on vacation", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatische antwort", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "abwesenheitsnotiz", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "abwesenheitsbenachrichtigung", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "abwesenheitsassistent", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "abwesend", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "r\xc3\xa9ponse automatique", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "reponse automatique", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "absence du bureau", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "respuesta autom\xc3\xa1tica", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "respuesta automatica", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "fuera de la oficina", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "risposta automatica", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "fuori sede", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "fuori ufficio", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "resposta autom\xc3\xa1tica", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "fora do escrit\xc3\xb3rio", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatisch antwoord", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "afwezigheid", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "niet op kantoor", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "autosvar", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatiskt svar", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatisk svar", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automaattinen vastaus", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "frånvaro", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "odpowied\xc5\xba automatyczna", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatyczna odpowied", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "autoodpowied", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatick\xc3\xa1 odpov", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "automatikus v\xc3\xa1lasz", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "r\xc4\x83spuns automat", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "otomatik yan\xc4\xb1t", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "автоответ", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "Автоответ", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "автоматический ответ", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "Автоматический ответ", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "Автоматична відповідь", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "自动回复", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "自動回覆", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "自動応答", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "自動返信", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "不在", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "자동 회신", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "자동회신", FACT_SUBJECT_REPLY },
	/* receipts that are no reports, and acknowledgements of ticket systems */
	{ MATCH_STARTS, "read:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "not read:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "gelesen:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "lu:", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "lu :", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS,
		"le\xc3\xad"
		"do:",
		FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "letto:", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "return receipt", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "read receipt", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "lesebest\xc3\xa4tigung", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "eingangsbest\xc3\xa4tigung", FACT_SUBJECT_REPLY },
	{ MATCH_HAS,
		"accus\xc3\xa9 de r\xc3\xa9"
		"ception",
		FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "acuse de recibo", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "[ticket", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "ticket received", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "request received", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "we have received your", FACT_SUBJECT_REPLY },
	{ MATCH_HAS, "we received your", FACT_SUBJECT_REPLY },
	/* the same in older charsets */
	{ MATCH_HAS, "\xc1\xd7\xd4\xcf\xcf\xd4\xd7\xc5\xd4", FACT_SUBJECT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xe0\xe2\xf2\xee\xee\xf2\xe2\xe5\xf2", FACT_SUBJECT_REPLY }, /* cp1251 */
	{ MATCH_HAS, "\xe1\xd7\xd4\xcf\xcf\xd4\xd7\xc5\xd4", FACT_SUBJECT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xc0\xe2\xf2\xee\xee\xf2\xe2\xe5\xf2", FACT_SUBJECT_REPLY }, /* cp1251 */
	{ MATCH_HAS, "\xd0\xb2 \xd0\xbe\xd1\x82\xd0\xbf\xd1\x83\xd1\x81\xd0\xba\xd0\xb5",
		FACT_SUBJECT_REPLY },                                                                      /* utf-8 */
	{ MATCH_HAS, "\xd7 \xcf\xd4\xd0\xd5\xd3\xcb\xc5", FACT_SUBJECT_REPLY },                            /* koi8-r */
	{ MATCH_HAS, "\xe2 \xee\xf2\xef\xf3\xf1\xea\xe5", FACT_SUBJECT_REPLY },                            /* cp1251 */
	{ MATCH_HAS, "\xd7\xd4\xb6\xaf\xbb\xd8\xb8\xb4", FACT_SUBJECT_REPLY },                             /* gb2312 */
	{ MATCH_HAS, "\xa6\xdb\xb0\xca\xa6^\xc2\xd0", FACT_SUBJECT_REPLY },                                /* big5 */
	{ MATCH_HAS, "\xe4\xb8\x8d\xe5\x9c\xa8\xe5\x8a\x9e\xe5\x85\xac\xe5\xae\xa4", FACT_SUBJECT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xb2\xbb\xd4\xda\xb0\xec\xb9\xab\xca\xd2", FACT_SUBJECT_REPLY },                     /* gb2312 */
	{ MATCH_HAS, "\x8e\xa9\x93\xae\x95\xd4\x90m", FACT_SUBJECT_REPLY },        /* shift_jis */
	{ MATCH_HAS, "\xbc\xab\xc6\xb0\xca\xd6\xbf\xae", FACT_SUBJECT_REPLY },     /* euc-jp */
	{ MATCH_HAS, "\x8e\xa9\x93\xae\x89\x9e\x93\x9a", FACT_SUBJECT_REPLY },     /* shift_jis */
	{ MATCH_HAS, "\xbc\xab\xc6\xb0\xb1\xfe\xc5\xfa", FACT_SUBJECT_REPLY },     /* euc-jp */
	{ MATCH_HAS, "\xc0\xda\xb5\xbf \xc8\xb8\xbd\xc5", FACT_SUBJECT_REPLY },    /* euc-kr */
	{ MATCH_HAS, "\xeb\xb6\x80\xec\x9e\xac\xec\xa4\x91", FACT_SUBJECT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xba\xce\xc0\xe7\xc1\xdf", FACT_SUBJECT_REPLY },             /* euc-kr */
	{ MATCH_HAS, "<+f0jv\x3f.", FACT_SUBJECT_REPLY },                          /* iso-2022-jp */
	{ MATCH_HAS, "<+f01~ez", FACT_SUBJECT_REPLY },                             /* iso-2022-jp */
	{ MATCH_STARTS, "im urlaub", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "abwesenheit", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "en vacances", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "absence", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "en cong", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "de vacaciones", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "ausencia", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "in ferie", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "assenza", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "afwezig", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "op vakantie", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "na urlopie", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "nieobecno", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "na dovolen", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "out of the offic", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "on leave", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "on annual leave", FACT_SUBJECT_REPLY },
	{ MATCH_STARTS, "on holiday", FACT_SUBJECT_REPLY },
	/* confirmations of list software */
	{ MATCH_STARTS, "confirm ", FACT_SUBJECT_CONFIRM },          /* Mailman 2, ezmlm */
	{ MATCH_STARTS, "confirmation for ", FACT_SUBJECT_CONFIRM }, /* Majordomo */
	{ MATCH_HAS, "your confirmation is required to", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirm your subscription", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirm subscri", FACT_SUBJECT_CONFIRM }, /* mlmmj */
	{ MATCH_HAS, "confirm unsubscri", FACT_SUBJECT_CONFIRM },
	{ MATCH_STARTS, "command confirmation request", FACT_SUBJECT_CONFIRM }, /* LISTSERV */
	{ MATCH_STARTS, "authentication requ", FACT_SUBJECT_CONFIRM },          /* sympa: "AUTH ... " */
	{ MATCH_HAS, "subscription confirmation", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirm your registration", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirm your e-mail", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirm your email", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "verify your e-mail", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "verify your email", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "best\xc3\xa4tigen sie", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "anmeldung best\xc3\xa4tigen", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "best\xc3\xa4tigung ihrer", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirmez votre", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirmation de votre", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirmer votre", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirme su ", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirma tu ", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "conferma la tua", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "conferma iscrizione", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirme sua", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "confirme a sua", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "bevestig ", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "potwierd\xc5\xba", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "potwierdzenie", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "potvr\xc4\x8f", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "подтвер", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "Подтвер", FACT_SUBJECT_CONFIRM },
	{ MATCH_HAS, "确认订阅", FACT_SUBJECT_CONFIRM },
	/* notices of virus filters: amavis, ScanMail, MailScanner, GroupShield, Antigen, RAV, InterScan, MDaemon */
	{ MATCH_HAS, "virus", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "viren", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "вирус", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "病毒", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "ウイルス", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "wirus", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, ") in mail from you", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "antigen found", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "scanmail message", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "interscan", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "groupshield", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "banned content", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "banned file", FACT_SUBJECT_VIRUS },
	{ MATCH_STARTS, "banned (", FACT_SUBJECT_VIRUS },
	{ MATCH_HAS, "quota", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox full", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox is full", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox is almost full", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox is over", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox size limit", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "postfach voll", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "postfach ist", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "speicherplatz", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "disk space", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "mailbox almost full", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "bo\xc3\xaete pleine", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "bo\xc3\xaete aux lettres", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "buz\xc3\xb3n lleno", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "casella piena", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "skrzynk", FACT_SUBJECT_QUOTA },
	{ MATCH_HAS, "邮箱已满", FACT_SUBJECT_QUOTA },
	/* challenges: TMDA, EarthLink, SpamArrest, Boxbe, UOL, qconfirm */
	{ MATCH_HAS, "confirm your message", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "confirm your mail", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "confirm your e-mail to", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "message verification", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "verification required", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "requires confirmation", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "(verification required)", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "waitlisted", FACT_SUBJECT_CHALLENGE },
	{ MATCH_HAS, "antispam uol", FACT_SUBJECT_CHALLENGE },
	/* reports of mail systems: Postfix, Sendmail, Exchange, Exim, qmail, PMDF, IMail, Notes, GroupWise, gateways */
	{ MATCH_STARTS, "undeliverable", FACT_SUBJECT_BOUNCE },
	{ MATCH_STARTS, "undelivered", FACT_SUBJECT_BOUNCE },
	{ MATCH_STARTS, "returned mail", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "returned to sender", FACT_SUBJECT_BOUNCE },
	{ MATCH_STARTS, "failure notice", FACT_SUBJECT_BOUNCE },
	{ MATCH_STARTS, "failure delivery", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "delivery fail", FACT_SUBJECT_BOUNCE }, /* also "mail delivery failed" */
	{ MATCH_HAS, "delivery status", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "delivery notification", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "delivery report", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "delivery problem", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "delivery error", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "not been delivered", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "not yet been delivered", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "not be delivered", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "not delivered", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "mail system error", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "errors from ", FACT_SUBJECT_BOUNCE }, /* Postfix to its postmaster */
	{ MATCH_HAS, "user unknown", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "unzustellbar", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "non remis", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "non distribu", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "no se puede entregar", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "non recapitabile", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "onbestelbaar", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "退信", FACT_SUBJECT_BOUNCE },
	{ MATCH_HAS, "\xcd\xcb\xd0\xc5", FACT_SUBJECT_BOUNCE }, /* gb2312 */
	/* feedback loops and abuse desks that do not use RFC 5965: Hotmail's JMRP ... */
	{ MATCH_STARTS, "complaint about message", FACT_SUBJECT_ABUSE },
	{ MATCH_HAS, "abuse report", FACT_SUBJECT_ABUSE },
	{ MATCH_HAS, "spam report", FACT_SUBJECT_ABUSE },
	{ MATCH_HAS, "dmarc failure report", FACT_SUBJECT_ABUSE },
	{ MATCH_HAS, "authentication failure report", FACT_SUBJECT_ABUSE },
	/* RFC 7489 7.2.1.1 */
	{ MATCH_HAS, "report domain:", FACT_SUBJECT_REPORT },
};

static const struct content_rule line_rules[] = {
	{ MATCH_STARTS, "hi. this is the qmail", FACT_TEXT_BOUNCE }, /* qmail (QSBMF) and its kin */
	{ MATCH_STARTS, "hi. this is the deliver program", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "hi. this is the nullmailer", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "hi. this is the mailer-daemon", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "--- below this line is a copy of the m", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "this is a permanent error; i've given up", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "this message was created automatically by mail delivery software",
		FACT_TEXT_BOUNCE }, /* Exim */
	{ MATCH_STARTS, "a message that you sent could not be delivered", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "a message that you sent has not yet been delivered", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "a message that you sent contained ", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "message created by mail delivery software", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "this is the mail system at host", FACT_TEXT_BOUNCE }, /* Postfix */
	{ MATCH_STARTS, "this is the postfix program at host", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "sorry to have to inform you that", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "--- the following addresses had ", FACT_TEXT_BOUNCE }, /* Sendmail */
	{ MATCH_HAS, "---the following addresses had ", FACT_TEXT_BOUNCE },  /* Mail2000 */
	{ MATCH_HAS, "transcript of session follows", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "this is a warning message only", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "did not reach some or all of the intended recipients", FACT_TEXT_BOUNCE }, /* Exchange */
	{ MATCH_HAS, "did not reach the following recipient", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "ger nicht erreicht", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "n'a pas atteint certains", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "no ha llegado a alguno", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "non ha raggiunto alcuni", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "alle geadresseerden niet bereikt", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "alguns ou todos os destinat", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "lub wszystkich adresat", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "delivery has failed to these recipients", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "automatically generated delivery status notification", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "delivery to the following recipient", FACT_TEXT_BOUNCE }, /* Exchange, Gmail */
	{ MATCH_STARTS, "this is the mailer-daemon", FACT_TEXT_BOUNCE },           /* OpenSMTPD */
	{ MATCH_HAS, "attempting to deliver a message for the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "this report relates to a message you sent", FACT_TEXT_BOUNCE }, /* iPlanet, PMDF */
	{ MATCH_STARTS, "your message cannot be delivered to the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "unable to deliver message to the following", FACT_TEXT_BOUNCE }, /* Yahoo */
	{ MATCH_HAS, "we were unable to deliver your message to the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "your mail message to the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "failed to deliver to '", FACT_TEXT_BOUNCE },           /* CommuniGate */
	{ MATCH_HAS, "had permanent fatal delivery errors", FACT_TEXT_BOUNCE }, /* MDaemon */
	{ MATCH_STARTS, "could not deliver message to the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "this is a delivery status notification", FACT_TEXT_BOUNCE },               /* Courier */
	{ MATCH_STARTS, "this is a collection of reports about email delivery", FACT_TEXT_BOUNCE }, /* ZMailer */
	{ MATCH_HAS, "------- message log follows", FACT_TEXT_BOUNCE },                             /* smail */
	{ MATCH_HAS, "addresses in your message have failed", FACT_TEXT_BOUNCE },                   /* Mercury */
	{ MATCH_HAS, "was undeliverable to the following", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "the following message to <", FACT_TEXT_BOUNCE }, /* IronPort */
	{ MATCH_STARTS, "your message was not delivered to", FACT_TEXT_BOUNCE },
	{ MATCH_STARTS, "diese nachricht wurde automatisch vo", FACT_TEXT_BOUNCE }, /* Exim, GMX, German */
	{ MATCH_HAS, "konnte nicht zugestellt werden", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "n'a pas pu \xc3\xaatre remis", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "non \xc3\xa8 stato possibile consegnare", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "no se ha podido entregar", FACT_TEXT_BOUNCE },
	{ MATCH_HAS, "out of the office", FACT_TEXT_REPLY },
	{ MATCH_HAS, "out of office", FACT_TEXT_REPLY },
	{ MATCH_HAS, "on vacation", FACT_TEXT_REPLY },
	{ MATCH_HAS, "will not be reading my mail", FACT_TEXT_REPLY }, /* vacation(1) */
	{ MATCH_HAS, "confirmation of reading", FACT_TEXT_REPLY },     /* receipts that are no reports */
	{ MATCH_HAS, "this is a receipt for the mail", FACT_TEXT_REPLY },
	{ MATCH_HAS, "this is a return receipt for", FACT_TEXT_REPLY },
	{ MATCH_HAS, "your message was read", FACT_TEXT_REPLY },
	{ MATCH_HAS, "your message was displayed", FACT_TEXT_REPLY },
	{ MATCH_HAS, "was read at ", FACT_TEXT_REPLY },
	{ MATCH_HAS, "was read on ", FACT_TEXT_REPLY },
	{ MATCH_HAS, "wurde gelesen am", FACT_TEXT_REPLY },
	{ MATCH_HAS, "lesebest\xc3\xa4tigung", FACT_TEXT_REPLY },
	{ MATCH_HAS, "accus\xc3\xa9 de lecture", FACT_TEXT_REPLY },
	{ MATCH_HAS, "confirmaci\xc3\xb3n de lectura", FACT_TEXT_REPLY },
	{ MATCH_HAS, "conferma di lettura", FACT_TEXT_REPLY },
	/* absence, in the languages and charsets that people write it in */
	{ MATCH_HAS, "on annual leave", FACT_TEXT_REPLY },
	{ MATCH_HAS, "on holiday until", FACT_TEXT_REPLY },
	{ MATCH_HAS, "on holidays until", FACT_TEXT_REPLY },
	{ MATCH_HAS, "away from the office", FACT_TEXT_REPLY },
	{ MATCH_HAS, "away from my desk", FACT_TEXT_REPLY },
	{ MATCH_HAS, "currently away", FACT_TEXT_REPLY },
	{ MATCH_HAS, "i am away", FACT_TEXT_REPLY },
	{ MATCH_HAS, "i'm away", FACT_TEXT_REPLY },
	{ MATCH_HAS, "limited access to e", FACT_TEXT_REPLY },
	{ MATCH_HAS, "back in the office", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automatic reply to your", FACT_TEXT_REPLY },
	{ MATCH_HAS, "auto-reply", FACT_TEXT_REPLY },
	{ MATCH_HAS, "autoreply", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automated response to your", FACT_TEXT_REPLY },
	{ MATCH_HAS, "received your message and will", FACT_TEXT_REPLY },
	{ MATCH_HAS, "im urlaub", FACT_TEXT_REPLY },
	{ MATCH_HAS, "abwesend", FACT_TEXT_REPLY },
	{ MATCH_HAS, "nicht im haus", FACT_TEXT_REPLY },
	{ MATCH_HAS, "nicht erreichbar", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automatische antwort", FACT_TEXT_REPLY },
	{ MATCH_HAS, "suis en cong", FACT_TEXT_REPLY },
	{ MATCH_HAS, "en vacances", FACT_TEXT_REPLY },
	{ MATCH_HAS, "suis absent", FACT_TEXT_REPLY },
	{ MATCH_HAS, "absent jusqu", FACT_TEXT_REPLY },
	{ MATCH_HAS, "absente jusqu", FACT_TEXT_REPLY },
	{ MATCH_HAS, "de vacaciones", FACT_TEXT_REPLY },
	{ MATCH_HAS, "estoy ausente", FACT_TEXT_REPLY },
	{ MATCH_HAS, "estar\xc3\xa9 ausente", FACT_TEXT_REPLY },
	{ MATCH_HAS, "fuera de la oficina", FACT_TEXT_REPLY },
	{ MATCH_HAS, "respuesta autom", FACT_TEXT_REPLY },
	{ MATCH_HAS, "in ferie", FACT_TEXT_REPLY },
	{ MATCH_HAS, "sono assente", FACT_TEXT_REPLY },
	{ MATCH_HAS, "fuori ufficio", FACT_TEXT_REPLY },
	{ MATCH_HAS, "risposta automatica", FACT_TEXT_REPLY },
	{ MATCH_HAS, "estou ausente", FACT_TEXT_REPLY },
	{ MATCH_HAS, "estarei ausente", FACT_TEXT_REPLY },
	{ MATCH_HAS, "resposta autom", FACT_TEXT_REPLY },
	{ MATCH_HAS, "op vakantie", FACT_TEXT_REPLY },
	{ MATCH_HAS, "met vakantie", FACT_TEXT_REPLY },
	{ MATCH_HAS, "ben afwezig", FACT_TEXT_REPLY },
	{ MATCH_HAS, "niet aanwezig", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automatisch antwoord", FACT_TEXT_REPLY },
	{ MATCH_HAS, "na urlopie", FACT_TEXT_REPLY },
	{ MATCH_HAS, "poza biurem", FACT_TEXT_REPLY },
	{ MATCH_HAS, "nieobecn", FACT_TEXT_REPLY },
	{ MATCH_HAS, "na dovolen", FACT_TEXT_REPLY },
	{ MATCH_HAS, "mimo kancel", FACT_TEXT_REPLY },
	{ MATCH_HAS, "lomalla", FACT_TEXT_REPLY },
	{ MATCH_HAS, "poissa", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automaattinen vastaus", FACT_TEXT_REPLY },
	{ MATCH_HAS, "tillbaka den", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automatiskt svar", FACT_TEXT_REPLY },
	{ MATCH_HAS, "automatisk svar", FACT_TEXT_REPLY },
	{ MATCH_HAS, "ikke til stede", FACT_TEXT_REPLY },
	{ MATCH_HAS, "nicht im b\xc3\xbcro", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "nicht im b\xfcro", FACT_TEXT_REPLY },     /* latin-1 */
	{ MATCH_HAS,
		"au\xc3\x9f"
		"er haus",
		FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS,
		"au\xdf"
		"er haus",
		FACT_TEXT_REPLY },                            /* latin-1 */
	{ MATCH_HAS, "de f\xc3\xa9rias", FACT_TEXT_REPLY },   /* utf-8 */
	{ MATCH_HAS, "de f\xe9rias", FACT_TEXT_REPLY },       /* latin-1 */
	{ MATCH_HAS, "p\xc3\xa5 semester", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "p\xe5 semester", FACT_TEXT_REPLY },     /* latin-1 */
	{ MATCH_HAS, "p\xc3\xa5 ferie", FACT_TEXT_REPLY },    /* utf-8 */
	{ MATCH_HAS, "p\xe5 ferie", FACT_TEXT_REPLY },        /* latin-1 */
	{ MATCH_HAS, "szabads\xc3\xa1gon", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "szabads\xe1gon", FACT_TEXT_REPLY },     /* iso-8859-2 */
	{ MATCH_HAS, "\xd0\xb2 \xd0\xbe\xd1\x82\xd0\xbf\xd1\x83\xd1\x81\xd0\xba\xd0\xb5", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xd7 \xcf\xd4\xd0\xd5\xd3\xcb\xc5", FACT_TEXT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xe2 \xee\xf2\xef\xf3\xf1\xea\xe5", FACT_TEXT_REPLY }, /* cp1251 */
	{ MATCH_HAS, "\xd0\xbe\xd1\x82\xd1\x81\xd1\x83\xd1\x82\xd1\x81\xd1\x82\xd0\xb2\xd1\x83",
		FACT_TEXT_REPLY },                                              /* utf-8 */
	{ MATCH_HAS, "\xcf\xd4\xd3\xd5\xd4\xd3\xd4\xd7\xd5", FACT_TEXT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xee\xf2\xf1\xf3\xf2\xf1\xf2\xe2\xf3", FACT_TEXT_REPLY }, /* cp1251 */
	{ MATCH_HAS, "\xd0\xb0\xd0\xb2\xd1\x82\xd0\xbe\xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82",
		FACT_TEXT_REPLY },                                              /* utf-8 */
	{ MATCH_HAS, "\xc1\xd7\xd4\xcf\xcf\xd4\xd7\xc5\xd4", FACT_TEXT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xe0\xe2\xf2\xee\xee\xf2\xe2\xe5\xf2", FACT_TEXT_REPLY }, /* cp1251 */
	{ MATCH_HAS,
		"\xd0\xb0\xd0\xb2\xd1\x82\xd0\xbe\xd0\xbc\xd0\xb0\xd1\x82\xd0\xb8\xd1\x87\xd0\xb5\xd1\x81\xd0\xba\xd0"
		"\xb8\xd0\xb9 \xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82",
		FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xc1\xd7\xd4\xcf\xcd\xc1\xd4\xc9\xde\xc5\xd3\xcb\xc9\xca \xcf\xd4\xd7\xc5\xd4",
		FACT_TEXT_REPLY }, /* koi8-r */
	{ MATCH_HAS, "\xe0\xe2\xf2\xee\xec\xe0\xf2\xe8\xf7\xe5\xf1\xea\xe8\xe9 \xee\xf2\xe2\xe5\xf2",
		FACT_TEXT_REPLY },                                                                      /* cp1251 */
	{ MATCH_HAS, "\xe8\x87\xaa\xe5\x8a\xa8\xe5\x9b\x9e\xe5\xa4\x8d", FACT_TEXT_REPLY },             /* utf-8 */
	{ MATCH_HAS, "\xd7\xd4\xb6\xaf\xbb\xd8\xb8\xb4", FACT_TEXT_REPLY },                             /* gb2312 */
	{ MATCH_HAS, "\xe4\xbc\x91\xe5\x81\x87", FACT_TEXT_REPLY },                                     /* utf-8 */
	{ MATCH_HAS, "\xd0\xdd\xbc\xd9", FACT_TEXT_REPLY },                                             /* gb2312 */
	{ MATCH_HAS, "\xa5\xf0\xb0\xb2", FACT_TEXT_REPLY },                                             /* big5 */
	{ MATCH_HAS, "\xe4\xb8\x8d\xe5\x9c\xa8\xe5\x8a\x9e\xe5\x85\xac\xe5\xae\xa4", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xb2\xbb\xd4\xda\xb0\xec\xb9\xab\xca\xd2", FACT_TEXT_REPLY },                     /* gb2312 */
	{ MATCH_HAS, "\xe8\x87\xaa\xe5\x8b\x95\xe5\x9b\x9e\xe8\xa6\x86", FACT_TEXT_REPLY },             /* utf-8 */
	{ MATCH_HAS, "\xa6\xdb\xb0\xca\xa6^\xc2\xd0", FACT_TEXT_REPLY },                                /* big5 */
	{ MATCH_HAS, "\xe8\x87\xaa\xe5\x8b\x95\xe8\xbf\x94\xe4\xbf\xa1", FACT_TEXT_REPLY },             /* utf-8 */
	{ MATCH_HAS, "<+f0jv\x3f.", FACT_TEXT_REPLY },                                       /* iso-2022-jp */
	{ MATCH_HAS, "\x8e\xa9\x93\xae\x95\xd4\x90m", FACT_TEXT_REPLY },                     /* shift_jis */
	{ MATCH_HAS, "\xbc\xab\xc6\xb0\xca\xd6\xbf\xae", FACT_TEXT_REPLY },                  /* euc-jp */
	{ MATCH_HAS, "\xe4\xbc\x91\xe6\x9a\x87", FACT_TEXT_REPLY },                          /* utf-8 */
	{ MATCH_HAS, "\x8bx\x89\xc9", FACT_TEXT_REPLY },                                     /* shift_jis */
	{ MATCH_HAS, "\xb5\xd9\xb2\xcb", FACT_TEXT_REPLY },                                  /* euc-jp */
	{ MATCH_HAS, "\xe4\xb8\x8d\xe5\x9c\xa8", FACT_TEXT_REPLY },                          /* utf-8 */
	{ MATCH_HAS, "\x95s\x8d\xdd", FACT_TEXT_REPLY },                                     /* shift_jis */
	{ MATCH_HAS, "\xc9\xd4\xba\xdf", FACT_TEXT_REPLY },                                  /* euc-jp */
	{ MATCH_HAS, "\xec\x9e\x90\xeb\x8f\x99 \xed\x9a\x8c\xec\x8b\xa0", FACT_TEXT_REPLY }, /* utf-8 */
	{ MATCH_HAS, "\xc0\xda\xb5\xbf \xc8\xb8\xbd\xc5", FACT_TEXT_REPLY },                 /* euc-kr */
	{ MATCH_HAS, "\xeb\xb6\x80\xec\x9e\xac\xec\xa4\x91", FACT_TEXT_REPLY },              /* utf-8 */
	{ MATCH_HAS, "\xba\xce\xc0\xe7\xc1\xdf", FACT_TEXT_REPLY },                          /* euc-kr */
	{ MATCH_HAS, "\xed\x9c\xb4\xea\xb0\x80", FACT_TEXT_REPLY },                          /* utf-8 */
	{ MATCH_HAS, "\xc8\xde\xb0\xa1", FACT_TEXT_REPLY },                                  /* euc-kr */
	{ MATCH_HAS, "this is an automatic reply", FACT_TEXT_REPLY },
	{ MATCH_HAS, "this is an automated re", FACT_TEXT_REPLY },
	{ MATCH_HAS, "apologize for this automatic reply to your email", FACT_TEXT_CHALLENGE }, /* EarthLink */
	{ MATCH_HAS, "now allow incoming messages only from senders", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "protecting myself from receiving junk mail", FACT_TEXT_CHALLENGE }, /* SpamArrest */
	{ MATCH_HAS, "mail delivery software (tmda)", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "reply to this message and leave the subject", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "before your message can be delivered", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "your message will be delivered once you confirm", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "to release your message for delivery", FACT_TEXT_CHALLENGE }, /* TMDA */
	{ MATCH_HAS, "antispam uol", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "requires that you verify", FACT_TEXT_CHALLENGE }, /* cPanel's BoxTrapper */
	{ MATCH_HAS, "verify that you are a real", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "verify that you are a human", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "prove that you are a human", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "confirm that you are a real", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "confirm that you sent th", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "qconfirm mail", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "choicemail", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "spamarrest", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "spam arrest", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "your message is being held until", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "has been placed in a holding", FACT_TEXT_CHALLENGE },
	{ MATCH_HAS, "waitlist", FACT_TEXT_CHALLENGE }, /* Boxbe */
	/* weak: bounces of servers that nobody lists; only with a sender of mail systems and without anything to click */
	{ MATCH_HAS, "undeliverable", FACT_TEXT_FAIL },
	{ MATCH_HAS, "not be delivered", FACT_TEXT_FAIL },
	{ MATCH_HAS, "was not delivered", FACT_TEXT_FAIL },
	{ MATCH_HAS, "not deliver", FACT_TEXT_FAIL },
	{ MATCH_HAS, "unable to deliver", FACT_TEXT_FAIL },
	{ MATCH_HAS, "delivery fail", FACT_TEXT_FAIL },
	{ MATCH_HAS, "failed to deliver", FACT_TEXT_FAIL },
	{ MATCH_HAS, "rejected by a remote", FACT_TEXT_FAIL }, /* ezweb */
	{ MATCH_HAS, "user unknown", FACT_TEXT_FAIL },
	{ MATCH_HAS, "unknown user", FACT_TEXT_FAIL },
	{ MATCH_HAS, "no such user", FACT_TEXT_FAIL },
	{ MATCH_HAS, "unknown recipient", FACT_TEXT_FAIL },
	{ MATCH_HAS, "recipient unknown", FACT_TEXT_FAIL },
	{ MATCH_HAS, "mailbox unavailable", FACT_TEXT_FAIL },
	{ MATCH_HAS, "mailbox is full", FACT_TEXT_FAIL },
	{ MATCH_HAS, "mailbox full", FACT_TEXT_FAIL },
	{ MATCH_HAS, "over quota", FACT_TEXT_FAIL },
	{ MATCH_HAS, "quota exceeded", FACT_TEXT_FAIL },
	{ MATCH_HAS, "exceeded the quota", FACT_TEXT_FAIL },
	{ MATCH_HAS, "domino directory", FACT_TEXT_FAIL }, /* Lotus */
	{ MATCH_HAS, "nicht zugestellt", FACT_TEXT_FAIL },
	{ MATCH_HAS, "nicht zustellbar", FACT_TEXT_FAIL },
	{ MATCH_HAS, "unzustellbar", FACT_TEXT_FAIL },
	{ MATCH_HAS, "ger unbekannt", FACT_TEXT_FAIL },
	{ MATCH_HAS, "benutzer unbekannt", FACT_TEXT_FAIL },
	{ MATCH_HAS, "postfach", FACT_TEXT_FAIL },
	{ MATCH_HAS, "pu etre remis", FACT_TEXT_FAIL },
	{ MATCH_HAS, "tre remis", FACT_TEXT_FAIL },
	{ MATCH_HAS, "tre livr", FACT_TEXT_FAIL },
	{ MATCH_HAS, "utilisateur inconnu", FACT_TEXT_FAIL },
	{ MATCH_HAS, "destinataire inconnu", FACT_TEXT_FAIL },
	{ MATCH_HAS, "no pudo ser entregado", FACT_TEXT_FAIL },
	{ MATCH_HAS, "no se pudo entregar", FACT_TEXT_FAIL },
	{ MATCH_HAS, "usuario desconocido", FACT_TEXT_FAIL },
	{ MATCH_HAS, "usuario no existe", FACT_TEXT_FAIL },
	{ MATCH_HAS, "essere consegnat", FACT_TEXT_FAIL },
	{ MATCH_HAS, "utente sconosciuto", FACT_TEXT_FAIL },
	{ MATCH_HAS, "ser entregue", FACT_TEXT_FAIL },
	{ MATCH_HAS, "niet worden afgeleverd", FACT_TEXT_FAIL },
	{ MATCH_HAS, "niet worden bezorgd", FACT_TEXT_FAIL },
	{ MATCH_HAS, "nie zosta", FACT_TEXT_FAIL },
	{ MATCH_HAS, "nie mo", FACT_TEXT_FAIL },
	{ MATCH_HAS, "nedoru", FACT_TEXT_FAIL },
	{ MATCH_HAS, "не доставлен", FACT_TEXT_FAIL },
	{ MATCH_HAS, "не может быть доставлен", FACT_TEXT_FAIL },
	{ MATCH_HAS, "无法投递", FACT_TEXT_FAIL },
	{ MATCH_HAS, "退信", FACT_TEXT_FAIL },
	{ MATCH_HAS, "配信できません", FACT_TEXT_FAIL },
};

uint64_t content_rules_subject(struct slice text)
{
	return content_table_facts(subject_rules, sizeof subject_rules / sizeof subject_rules[0], text);
}

uint64_t content_rules_line(struct slice line)
{
	return content_table_facts(line_rules, sizeof line_rules / sizeof line_rules[0], line);
}

bool content_rules_has_link(struct slice line)
{
	return slice_has(line, SLICE_LIT("://")) || slice_has(line, SLICE_LIT("www."));
}
