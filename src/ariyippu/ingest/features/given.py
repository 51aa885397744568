"""Given names with an English spelling of their own, beside what is written in Malayalam for the same name.

George is said as ജോർജ് and spelt as no rule would spell it. Each line: Latin spellings, then the Malayalam one.
Only what the rules of spelling.py do not bring together stands here; spellings that they make one stand once.
A name stands for itself and, from five letters on, for the beginning of a longer one: Georgekutty, Josephmathew.
"""

TABLE = """
Ebraham Abrahm അബ്രഹാം
Agnes ആഗ്നസ്
Ahmed Ahamed Ahmad അഹമ്മദ്
Albert ആൽബർട്ട്
Alex അലക്സ്
Alexander അലക്സാണ്ടർ
Aleyamma Aliyamma ഏലിയാമ്മ
Aley ഏലി
Andrews ആൻഡ്രൂസ്
Angel ഏഞ്ചൽ
Antony ആന്റണി
Augustine അഗസ്റ്റിൻ
Bernard ബെർണാഡ്
Bridget ബ്രിജിത്ത്
Catherine കാതറിൻ
Charles ചാൾസ്
Christopher ക്രിസ്റ്റഫർ
Cyriac സിറിയക്
Cyril സിറിൾ
David ഡേവിഡ്
Davis ഡേവിസ്
Edward എഡ്വേർഡ്
Elizabeth എലിസബത്ത്
Emmanuel ഇമ്മാനുവൽ
Eugene യൂജിൻ
George ജോർജ്
Georgina ജോർജീന
Grace ഗ്രേസ്
Gracy ഗ്രേസി
Gregory ഗ്രിഗറി
Henry ഹെൻറി
Isaac ഐസക്
Jacob ജേക്കബ്
Jason ജെയ്സൺ
James ജെയിംസ്
Jane ജെയിൻ
Janet ജാനറ്റ്
Jeremiah ജെറമിയ
Joan ജോവാൻ
Joel ജോയൽ
Joseph ജോസഫ്
Joshua ജോഷ്വ
Lawrence Laurence ലോറൻസ്
Leo ലിയോ
Louis ലൂയിസ്
Margaret മാർഗരറ്റ്
Mary മേരി
Maurice മോറിസ്
Mercy മേഴ്സി
Michael മൈക്കിൾ
Mohammed Mohamad Muhammed Mohd Muhd മുഹമ്മദ്
Moideen മൊയ്തീൻ
Moses മോസസ്
Noel നോയൽ
Ouseph ഔസേപ്പ്
Peter പീറ്റർ
Pious Pius പയസ്
Rachel റേച്ചൽ
Raymond റെയ്മണ്ട്
Regi റെജി
Regina റെജീന
Robert റോബർട്ട്
Saidalavi സൈതലവി
Shine ഷൈൻ
Shiny ഷൈനി
Simon സൈമൺ
Solomon സോളമൻ
Stephen സ്റ്റീഫൻ
Sunny സണ്ണി
Sylvia സിൽവിയ
Teresa Tresa Treesa ത്രേസ്യ
Theodore തിയോഡർ
Varghese വർഗീസ്
Varughese വറുഗീസ്
Victor വിക്ടർ
Xavier സേവ്യർ
Yousuf Yusuf യൂസഫ്
Zachariah സക്കറിയ
"""
