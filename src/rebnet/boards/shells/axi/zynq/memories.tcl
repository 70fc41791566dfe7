set here [file dirname [file normalize [info script]]]
file mkdir $memories
foreach image [glob -nocomplain -directory [file join $here ip src $memories] *] {
    file copy -force $image [file join $memories [file tail $image]]
}
