# The design: the processor's general master to the registers, its memory port to the DMA, the DMA's streams to the
# accelerator; one clock. Versions of IP are those of the Vivado that runs this.

set here [file dirname [file normalize [info script]]]
set deploy [file join $here $deploy]

proc fail {sentence} {
    puts "ERROR: $sentence"
    exit 1
}

# The newest version of an IP, or the IP of that full name.
proc ip_of {name} {
    set pattern [expr {[string first ":" $name] < 0 ? "xilinx.com:ip:$name:*" : $name}]
    set found [get_ipdefs $pattern]
    if {[llength $found] == 0} {
        fail "this Vivado has no IP $pattern; install it, or use a newer Vivado"
    }
    return [get_property VLNV [lindex [lsort -dictionary $found] end]]
}

proc cell {name ip} {
    return [create_bd_cell -type ip -vlnv [ip_of $ip] $name]
}

proc wire {from args} {
    foreach to $args {
        connect_bd_net [get_bd_pins $from] [get_bd_pins $to]
    }
}

proc bus {from to} {
    connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

# The first clock of the processor that its dividers make of a wish, MHz.
proc ask_clock {mhz} {
    global ps asked_clock actual_clock
    set_property -dict [list CONFIG.$asked_clock $mhz] $ps
    return [get_property CONFIG.$actual_clock $ps]
}

if {[llength $argv] > 0} {
    set clock_mhz [lindex $argv 0]
}
if {![string is double -strict $clock_mhz] || $clock_mhz < 10 || $clock_mhz > 500} {
    fail "clock_mhz=$clock_mhz: must be a number of MHz from 10 to 500; give another behind -tclargs"
}

# Project
create_project -force $name [file join $here project] -part $part
set known [lsort -dictionary [get_board_parts -quiet $board_part]]
set has_board [expr {[llength $known] > 0}]
if {$has_board} {
    set_property board_part [lindex $known end] [current_project]
} else {
    puts "no board file $board_part here: the processor's settings are rebnet's own"
}
set_property ip_repo_paths [list [file join $here ip]] [current_project]
update_ip_catalog

# Processor
create_bd_design design
set ps [cell ps $processor]
set automation [list apply_board_preset $has_board]
if {$ps_external ne ""} {
    lappend automation make_external $ps_external Master Disable Slave Disable
}
apply_bd_automation -rule xilinx.com:bd_rule:$processor -config $automation $ps
if {!$has_board && [llength $board_settings] > 0} {
    set_property -dict $board_settings $ps
}
set_property -dict $settings $ps

# Clock and reset: the processor's own where it divides to what is asked for, else a PLL behind it
set reset [cell reset proc_sys_reset]
set got_mhz [ask_clock $clock_mhz]
set clock ps/$ps_clock
if {abs($got_mhz - $clock_mhz) > 0.001 * $clock_mhz} {
    set pll [cell clock clk_wiz]
    set_property -dict [list \
        CONFIG.PRIM_SOURCE Global_buffer \
        CONFIG.PRIM_IN_FREQ [ask_clock 100] \
        CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $clock_mhz \
        CONFIG.RESET_TYPE ACTIVE_LOW] $pll
    wire ps/$ps_clock clock/clk_in1
    wire ps/$ps_reset clock/resetn
    wire clock/locked reset/dcm_locked
    set clock clock/clk_out1
}
wire ps/$ps_reset reset/ext_reset_in
wire $clock reset/slowest_sync_clk ps/$ps_general_clock ps/$ps_memory_clock

# DMA: simple, both ways; streams as wide as the accelerator's
set dma [cell dma axi_dma]
set_property -dict [list \
    CONFIG.c_include_sg 0 \
    CONFIG.c_sg_include_stscntrl_strm 0 \
    CONFIG.c_sg_length_width $length_bits \
    CONFIG.c_addr_width $dma_address_bits \
    CONFIG.c_include_mm2s 1 \
    CONFIG.c_include_s2mm 1 \
    CONFIG.c_m_axi_mm2s_data_width $in_memory_bits \
    CONFIG.c_m_axis_mm2s_tdata_width $in_bits \
    CONFIG.c_mm2s_burst_size 16 \
    CONFIG.c_m_axi_s2mm_data_width $out_bits \
    CONFIG.c_s2mm_burst_size 16] $dma
set shell [cell accelerator $accelerator]
set control [cell control smartconnect]
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 2] $control
set memory [cell memory smartconnect]
set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] $memory
wire $clock dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk accelerator/aclk control/aclk memory/aclk
wire reset/peripheral_aresetn dma/axi_resetn accelerator/aresetn control/aresetn memory/aresetn

bus ps/$ps_general control/S00_AXI
bus control/M00_AXI accelerator/s_axi
bus control/M01_AXI dma/S_AXI_LITE
bus dma/M_AXI_MM2S memory/S00_AXI
bus dma/M_AXI_S2MM memory/S01_AXI
bus memory/M00_AXI ps/$ps_memory
bus dma/M_AXIS_MM2S accelerator/s_axis
bus accelerator/m_axis dma/S_AXIS_S2MM

set interrupts [cell interrupts xlconcat]
set_property -dict [list CONFIG.NUM_PORTS 3] $interrupts
wire dma/mm2s_introut interrupts/In0
wire dma/s2mm_introut interrupts/In1
wire accelerator/irq interrupts/In2
wire interrupts/dout ps/$ps_interrupt

# Addresses
assign_bd_address -offset $base -range $registers_bytes -target_address_space [get_bd_addr_spaces ps/Data] \
    [get_bd_addr_segs accelerator/$registers] -force
assign_bd_address -offset [format 0x%08X [expr {$base + 0x10000}]] -range 65536 \
    -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs dma/S_AXI_LITE/Reg] -force
assign_bd_address
validate_bd_design
save_bd_design

# One synthesis of all: the accelerator's memory images are found from the folder in which it runs
set source [get_files design.bd]
set_property synth_checkpoint_mode None $source
generate_target all $source
add_files -norecurse [make_wrapper -files $source -top]
set_property top design_wrapper [current_fileset]
update_compile_order -fileset sources_1
if {$memories ne ""} {
    set_property STEPS.SYNTH_DESIGN.TCL.PRE [file join $here memories.tcl] [get_runs synth_1]
}
launch_runs impl_1 -jobs $jobs
wait_on_run impl_1
if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
    fail "synthesis or implementation ended early: [get_property STATUS [get_runs impl_1]]; see runme.log in project"
}

# Timing
open_run impl_1
report_utilization -file [file join $here utilization.rpt]
report_timing_summary -file [file join $here timing.rpt]
foreach {delay what} {max setup min hold} {
    set path [get_timing_paths -delay_type $delay -max_paths 1]
    if {[llength $path] == 0} {
        fail "no path is timed for $what; see timing.rpt"
    }
    set slack [get_property SLACK $path]
    if {$slack >= 0} {
        continue
    }
    set missed "timing is not met at $clock_mhz MHz: the worst slack of $what is $slack ns"
    if {$delay eq "min"} {
        fail "$missed, and a slower clock does not help; see timing.rpt"
    }
    set reached [expr {int(1000.0 / (1000.0 / $clock_mhz - $slack))}]
    fail "$missed; ask for a slower clock, such as -tclargs $reached, or compile with a smaller folding"
}

# What goes to the board: two files of one name
file mkdir $deploy
write_bitstream -force [file join $deploy $name.bit]
set handoffs [glob -nocomplain -directory [file join $here project] *.gen/sources_1/bd/design/hw_handoff/design.hwh \
    *.srcs/sources_1/bd/design/hw_handoff/design.hwh]
if {[llength $handoffs] == 0} {
    fail "Vivado wrote no design.hwh in [file join $here project]; use another version"
}
file copy -force [lindex $handoffs 0] [file join $deploy $name.hwh]
puts "wrote $name.bit and $name.hwh to $deploy"
